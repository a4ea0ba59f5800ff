package api

import (
	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting"
)

// CustomerBody is what a tenant says of a customer.
type CustomerBody struct {
	Name     string `json:"name" minLength:"1" maxLength:"200" pattern:"\\S" example:"Ann Smith"`
	Email    string `json:"email,omitempty" maxLength:"200" pattern:"^[^@\\s]+@[^@\\s]+$" example:"ann@example.com"`
	Phone    string `json:"phone,omitempty" maxLength:"100" example:"+49 30 1234567"`
	Address  string `json:"address,omitempty" maxLength:"2000" doc:"May have several lines." example:"Main Street 1\n10115 Berlin"`
	TimeZone string `json:"time_zone,omitempty" maxLength:"100" doc:"A zone of the IANA database, in which the validity of quotes ends; the tenant's unless given." example:"Europe/Berlin"`
}

// A customerRecord as answers show it.
type customerRecord struct {
	ID string `json:"id" example:"cus_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	CustomerBody
	Created moment `json:"created"`
	Updated moment `json:"updated"`
}

// CustomerPath names a customer in the path.
type CustomerPath struct {
	ID string `path:"id" pattern:"^cus_[0-9a-z]{26}$" example:"cus_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The customer's id."`
}

type customerInput struct {
	CustomerPath
	Body CustomerBody
}

func (a *API) registerCustomers() {
	const tag = "Customers and price book"
	mutation[struct{ Body CustomerBody }, customerRecord](a, route{
		id: "create-customer", path: "/v1/customers", tag: tag, roles: sellers, status: 201,
		summary: "Create a customer", description: "Someone whom the tenant quotes to and who pays.",
		example: `{"name":"Ann Smith","email":"ann@example.com"}`,
	}, func(x *exchange, in *struct{ Body CustomerBody }) (change, error) {
		c := in.Body.customer(x.tenant, compaction.NewID("cus", x.api.clock()))
		return change{decide: func(tx *compaction.Tx) (result, error) {
			c, err := quoting.CreateCustomer(tx, c)
			return result{body: showCustomer(c), location: "/v1/customers/" + c.ID}, err
		}}, nil
	})
	query[Paging](a, route{
		id: "list-customers", path: "/v1/customers", tag: tag, roles: anyKey,
		summary: "List customers", description: "The tenant's customers, oldest first.",
	}, func(x *exchange, in *Paging) (page[customerRecord], error) {
		return list(x, *in, quoting.Customers, showCustomer)
	})
	query[CustomerPath](a, route{
		id: "get-customer", path: "/v1/customers/{id}", tag: tag, roles: anyKey,
		summary: "Get a customer", description: "One customer.",
	}, func(x *exchange, in *CustomerPath) (customerRecord, error) {
		c, err := find(x, in.ID, quoting.FindCustomer)
		return showCustomer(c), err
	})
	mutation[customerInput, customerRecord](a, route{
		id: "put-customer", method: "PUT", path: "/v1/customers/{id}", tag: tag, roles: sellers,
		summary: "Change a customer", description: "Replaces what is stored of a customer.",
		example: `{"name":"Ann Smith-Jones"}`,
	}, func(x *exchange, in *customerInput) (change, error) {
		c := in.Body.customer(x.tenant, in.ID)
		return change{decide: func(tx *compaction.Tx) (result, error) {
			c, err := quoting.UpdateCustomer(tx, c)
			return result{body: showCustomer(c)}, err
		}}, nil
	})
}

func (b *CustomerBody) customer(tenant, id string) quoting.Customer {
	return quoting.Customer{Tenant: tenant, ID: id, Name: b.Name, Email: b.Email, Phone: b.Phone,
		Address: b.Address, TimeZone: b.TimeZone}
}

func showCustomer(c quoting.Customer) customerRecord {
	return customerRecord{ID: c.ID,
		CustomerBody: CustomerBody{c.Name, c.Email, c.Phone, c.Address, c.TimeZone},
		Created:      moment(c.Created), Updated: moment(c.Updated)}
}
