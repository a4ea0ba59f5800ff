package quoting

import (
	"errors"
	"time"

	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger/money"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// The functions of this file and its siblings are the only ones that know both forms. States, kinds
// and channels have the same numbers in both: a test holds that.

var (
	// errVersions reports a stored quote without a version.
	errVersions = errors.New("quoting: the stored quote has no version")
	// errHash reports a stored hash that is none, or is one of nothing.
	errHash = errors.New("quoting: a stored hash is not a SHA-256 of what is frozen")
	// errCurrency reports a stored invoice whose payments are in a currency that is not its own.
	errCurrency = errors.New("quoting: the stored invoice is in two currencies")
)

func encodeTenant(t Tenant) ([]byte, error) {
	return proto.Marshal(&quotingv1.TenantRecord{
		Tenant: t.ID, Name: t.Name, TimeZone: t.TimeZone, PlatformFee: encodeDecimal(t.PlatformFee),
		PaymentDays: uint32(t.PaymentDays), ValidityDays: uint32(t.ValidityDays),
		DueAtOnce:       t.DueAtOnce,
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
		PaymentDays: int(m.PaymentDays), ValidityDays: int(m.ValidityDays), DueAtOnce: m.DueAtOnce,
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
	}
	return whole(t, d.err)
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
		Tenant: m.Tenant, ID: m.Item, Name: m.Name,
		Kind: compaction.Enum[Kind](m.Kind, &d.err), UnitCode: m.UnitCode,
		Currency: d.currency(m.Currency), UnitPrice: d.decimal(m.UnitPrice),
		UnitCost: d.optional(m.UnitCost), Tax: d.tax(m.Tax), Active: !m.Inactive,
		Created: instant(m.CreatedUnixNano), Updated: instant(m.UpdatedUnixNano),
	}
	return whole(i, d.err)
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

// hash reads a hash that may be missing. Nothing has the hash of zeros: it is written as none.
func (d *decoder) hash(b []byte) (h Hash) {
	copy(h[:], b)
	if len(b) != 0 && (len(b) != len(h) || h == Hash{}) && d.err == nil {
		d.err = errHash
	}
	return h
}

// frozen returns the content that a hash is of, nil where there is none.
func (d *decoder) frozen(content, sha256 []byte) []byte {
	if len(sha256) == 0 {
		return nil
	}
	if len(content) == 0 && d.err == nil {
		d.err = errHash
	}
	return content
}

// whole returns what was read, and nothing of it where some was wrong.
func whole[T any](v T, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return v, nil
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
