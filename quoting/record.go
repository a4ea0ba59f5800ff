package quoting

import (
	"errors"
	"time"

	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// The functions of this file and its siblings are the only ones that know both forms. States, kinds
// and channels have the same numbers in both: a test holds that.

// errVersions reports a stored quote without a version.
var errVersions = errors.New("quoting: the stored quote has no version")

func encodeTenant(t Tenant) ([]byte, error) {
	return proto.Marshal(&quotingv1.TenantRecord{
		Tenant: t.ID, Name: t.Name, TimeZone: t.TimeZone, PlatformFee: encodeDecimal(t.PlatformFee),
		PaymentDays: uint32(t.PaymentDays), ValidityDays: uint32(t.ValidityDays),
		CreatedUnixNano: nanoseconds(t.Created), UpdatedUnixNano: nanoseconds(t.Updated),
	})
}

func decodeTenant(b []byte) (Tenant, error) {
	var m quotingv1.TenantRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Tenant{}, err
	}
	var d decoder
	t := Tenant{
		ID: m.Tenant, Name: m.Name, TimeZone: m.TimeZone, PlatformFee: d.decimal(m.PlatformFee),
		PaymentDays: int(m.PaymentDays), ValidityDays: int(m.ValidityDays),
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
	}
	return t, d.err
}

func encodeCustomer(c Customer) ([]byte, error) {
	return proto.Marshal(&quotingv1.CustomerRecord{
		Tenant: c.Tenant, Customer: c.ID, Name: c.Name, Email: c.Email, Phone: c.Phone,
		Address: c.Address, TimeZone: c.TimeZone,
		CreatedUnixNano: nanoseconds(c.Created), UpdatedUnixNano: nanoseconds(c.Updated),
	})
}

func decodeCustomer(b []byte) (Customer, error) {
	var m quotingv1.CustomerRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Customer{}, err
	}
	return Customer{
		Tenant: m.Tenant, ID: m.Customer, Name: m.Name, Email: m.Email, Phone: m.Phone,
		Address: m.Address, TimeZone: m.TimeZone,
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
	}, nil
}

func encodeItem(i Item) ([]byte, error) {
	return proto.Marshal(&quotingv1.ItemRecord{
		Tenant: i.Tenant, Item: i.ID, Name: i.Name, Kind: quotingv1.LineKind(i.Kind),
		UnitCode: i.UnitCode, Currency: i.Currency.String(), UnitPrice: encodeDecimal(i.UnitPrice),
		UnitCost: encodeOptional(i.UnitCost), Tax: encodeTax(i.Tax), Inactive: !i.Active,
		CreatedUnixNano: nanoseconds(i.Created), UpdatedUnixNano: nanoseconds(i.Updated),
	})
}

func decodeItem(b []byte) (Item, error) {
	var m quotingv1.ItemRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Item{}, err
	}
	var d decoder
	i := Item{
		Tenant: m.Tenant, ID: m.Item, Name: m.Name, Kind: Kind(m.Kind), UnitCode: m.UnitCode,
		Currency: d.currency(m.Currency), UnitPrice: d.decimal(m.UnitPrice),
		UnitCost: d.optional(m.UnitCost), Tax: d.tax(m.Tax), Active: !m.Inactive,
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
	}
	return i, d.err
}

// encodeDecimal writes a decimal; zero, which is what no field says, is empty.
func encodeDecimal(d decimal.Decimal) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// encodeOptional writes a decimal that may be missing; here zero is "0" and empty is missing.
func encodeOptional(d decimal.NullDecimal) string {
	if !d.Valid {
		return ""
	}
	return d.Decimal.String()
}

// A decoder reads the parts of a record and keeps the first mistake it meets.
type decoder struct{ err error }

func (d *decoder) decimal(text string) decimal.Decimal {
	if text == "" {
		return decimal.Decimal{}
	}
	v, err := ParseDecimal("stored", text)
	if err != nil && d.err == nil {
		d.err = err
	}
	return v
}

func (d *decoder) optional(text string) decimal.NullDecimal {
	if text == "" {
		return decimal.NullDecimal{}
	}
	return decimal.NewNullDecimal(d.decimal(text))
}

func (d *decoder) currency(code string) money.Currency {
	if code == "" {
		return money.Currency{}
	}
	c, err := money.ParseCurrency(code)
	if err != nil && d.err == nil {
		d.err = err
	}
	return c
}

func (d *decoder) hash(b []byte) (h Hash) {
	if len(b) != 0 && len(b) != len(h) && d.err == nil {
		d.err = errors.New("quoting: a stored hash is not a SHA-256")
	}
	copy(h[:], b)
	return h
}

// bytes returns the stored form of a hash, empty for none.
func (h Hash) bytes() []byte {
	if h == (Hash{}) {
		return nil
	}
	return h[:]
}

// nanoseconds is the stored form of a time: 0 is the zero time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// instant is the inverse of nanoseconds.
func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
