package quoting

import (
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// A Customer is someone whom a tenant quotes to and who pays.
type Customer struct {
	Tenant   string
	ID       string // "cus_…"
	Name     string
	Email    string
	Phone    string
	Address  string // may have several lines
	TimeZone string // in which the validity of quotes ends; empty is the tenant's
	Created  time.Time
	Updated  time.Time
}

// Customers holds the customers under Key(tenant, customer).
var Customers = compaction.NewTable(compaction.TableSpec[Customer]{
	Message: (*quotingv1.CustomerRecord)(nil),
	Encode:  encodeCustomer,
	Decode:  decodeCustomer,
})

func (c *Customer) check() error {
	if c.TimeZone != "" {
		if _, err := zone(c.TimeZone); err != nil {
			return err
		}
	}
	switch {
	case c.ID == "" || !isText(c.ID, maxID, false):
		return badText("id", maxID)
	case !isName(c.Name):
		return badName("name")
	case !isText(c.Email, maxName, false) || c.Email != "" && !strings.Contains(c.Email, "@"):
		return &FieldError{"email", "email", "must be an e-mail address"}
	case !isText(c.Phone, maxID, false):
		return badText("phone", maxID)
	case !isText(c.Address, maxDescription, true):
		return badText("address", maxDescription)
	}
	return nil
}

// CreateCustomer stores a new customer. It fails with an *ExistsError or a *FieldError.
func CreateCustomer(tx *compaction.Tx, c Customer) (Customer, error) {
	if err := c.check(); err != nil {
		return c, err
	}
	key := compaction.Key(c.Tenant, c.ID)
	if _, ok, err := Customers.Get(tx, key); err != nil {
		return c, err
	} else if ok {
		return c, &ExistsError{"customer"}
	}
	c.Created, c.Updated = tx.Now(), tx.Now()
	Customers.Put(tx, key, c)
	return c, nil
}

// UpdateCustomer replaces what is stored of a customer. It fails with a *NotFoundError or a
// *FieldError.
func UpdateCustomer(tx *compaction.Tx, c Customer) (Customer, error) {
	if err := c.check(); err != nil {
		return c, err
	}
	old, err := FindCustomer(tx, c.Tenant, c.ID)
	if err != nil {
		return c, err
	}
	c.Created, c.Updated = old.Created, tx.Now()
	Customers.Put(tx, compaction.Key(c.Tenant, c.ID), c)
	return c, nil
}

// FindCustomer returns a customer. It fails with a *NotFoundError.
func FindCustomer(s compaction.State, tenant, id string) (Customer, error) {
	return find(s, Customers, compaction.Key(tenant, id), "customer")
}
