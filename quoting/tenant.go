package quoting

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/quittance/quittance/compaction"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// Terms of a tenant that does not say.
const (
	DefaultPaymentDays  = 14
	DefaultValidityDays = 30
	maxDays             = 3650
)

// A Tenant is a trade business that uses the marketplace.
type Tenant struct {
	ID           string
	Name         string
	TimeZone     string          // of its dates; empty is UTC
	PlatformFee  decimal.Decimal // a percentage of what is captured
	PaymentDays  int             // from an invoice's issue to its due date; 0 is the default
	DueAtOnce    bool            // an invoice is due on the day of its issue; PaymentDays is then 0
	ValidityDays int             // of a quote that does not say; 0 is the default
	Created      time.Time
	Updated      time.Time
}

// Tenants holds the tenants under their id.
var Tenants = compaction.NewTable(compaction.TableSpec[Tenant]{
	Message: (*quotingv1.TenantRecord)(nil),
	Encode:  encodeTenant,
	Decode:  decodeTenant,
})

func (t *Tenant) check() error {
	if err := compaction.CheckTenant(t.ID); err != nil {
		return err
	}
	if t.TimeZone != "" {
		if _, err := zone(t.TimeZone); err != nil {
			return err
		}
	}
	switch _, ok := rate(t.PlatformFee); {
	case !isName(t.Name):
		return badName("name")
	case !ok:
		return &FieldError{"platform_fee", "range",
			"must be a percentage from 0 to 100 with at most six digits after the point"}
	case t.PaymentDays < 0 || t.PaymentDays > maxDays:
		return &FieldError{"payment_days", "range", "must be from 0 to 3650"}
	case t.DueAtOnce && t.PaymentDays != 0:
		return &FieldError{"payment_days", "range", "must be 0 where an invoice is due at once"}
	case t.ValidityDays < 0 || t.ValidityDays > maxDays:
		return &FieldError{"validity_days", "range", "must be from 0 to 3650"}
	}
	return nil
}

// CreateTenant stores a new tenant. It fails with an *ExistsError, a *FieldError or a
// *compaction.TenantError.
func CreateTenant(tx *compaction.Tx, t Tenant) (Tenant, error) {
	if err := t.check(); err != nil {
		return t, err
	}
	if _, ok, err := Tenants.Get(tx, t.ID); err != nil {
		return t, err
	} else if ok {
		return t, &ExistsError{"tenant"}
	}
	t.Created, t.Updated = tx.Now(), tx.Now()
	Tenants.Put(tx, t.ID, t)
	return t, nil
}

// UpdateTenant replaces what is stored of a tenant. It fails with a *NotFoundError or a
// *FieldError.
func UpdateTenant(tx *compaction.Tx, t Tenant) (Tenant, error) {
	if err := t.check(); err != nil {
		return t, err
	}
	old, err := FindTenant(tx, t.ID)
	if err != nil {
		return t, err
	}
	t.Created, t.Updated = old.Created, tx.Now()
	Tenants.Put(tx, t.ID, t)
	return t, nil
}

// FindTenant returns a tenant. It fails with a *NotFoundError.
func FindTenant(s compaction.State, id string) (Tenant, error) {
	return find(s, Tenants, id, "tenant")
}

// terms returns a tenant with its defaults filled in, and its zone. A tenant without a record works
// on the defaults.
func terms(s compaction.State, id string) (Tenant, *time.Location, error) {
	t, _, err := Tenants.Get(s, id)
	if err != nil {
		return t, nil, err
	}
	if t.PaymentDays == 0 && !t.DueAtOnce {
		t.PaymentDays = DefaultPaymentDays
	}
	if t.ValidityDays == 0 {
		t.ValidityDays = DefaultValidityDays
	}
	if t.TimeZone == "" {
		return t, time.UTC, nil
	}
	z, err := zone(t.TimeZone)
	return t, z, err
}

// Today returns the day of a time in a tenant's zone, by which its invoices are due.
func Today(s compaction.State, tenant string, at time.Time) (Date, error) {
	_, z, err := terms(s, tenant)
	if err != nil {
		return "", err
	}
	return DateOf(at, z), nil
}

// find returns the record of a key. It fails with a *NotFoundError that names the kind.
func find[T any](s compaction.State, table *compaction.Table[T], key, kind string) (T, error) {
	v, ok, err := table.Get(s, key)
	if err == nil && !ok {
		err = &NotFoundError{kind}
	}
	return v, err
}
