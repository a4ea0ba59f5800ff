package quoting

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
	quotingv1 "github.com/quittance/quittance/quoting/v1"
)

// Promotions holds the promotions under Key(tenant, promotion). A promotion's worth and rules never
// change: it is deactivated and another is created.
var Promotions = compaction.NewTable(compaction.TableSpec[Promotion]{
	Message: (*quotingv1.PromotionRecord)(nil),
	Encode:  encodePromotion,
	Decode:  decodePromotion,
})

// A Code is a text that customers enter for a promotion.
type Code struct {
	Tenant    string
	Code      string // normalised: see NormalizeCode
	Promotion string
	Active    bool
	Created   time.Time
}

// Codes holds the promotion codes under Key(tenant, code). Its index "promotion" reads
// "tenant/promotion/code".
var Codes = compaction.NewTable(compaction.TableSpec[Code]{
	Message: (*quotingv1.CodeRecord)(nil),
	Encode:  encodeCode,
	Decode:  decodeCode,
	Indexes: []compaction.Index[Code]{
		{Name: "promotion", Keys: func(_ string, c Code) []string {
			return []string{compaction.Key(c.Tenant, c.Promotion, c.Code)}
		}},
	},
})

const maxCode = 64

// NormalizeCode returns a promotion code as it is stored: in upper case, without spaces around it.
// Codes are 1 to 64 letters of ASCII, digits and hyphens. It fails with a *FieldError on "code".
func NormalizeCode(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxCode {
		return "", badCode()
	}
	for i := range len(text) {
		c := text[i] | 0x20 // letters in lower case
		if (c < 'a' || c > 'z') && (text[i] < '0' || text[i] > '9') && text[i] != '-' {
			return "", badCode()
		}
	}
	return strings.ToUpper(text), nil
}

func badCode() error {
	return &FieldError{"code", "code", "must be 1 to 64 letters, digits and hyphens"}
}

// CreatePromotion stores a new promotion, which is active at once. It fails with an *ExistsError or
// a *FieldError.
func CreatePromotion(tx *compaction.Tx, p Promotion) (Promotion, error) {
	if p.ID == "" || !isText(p.ID, maxID, false) {
		return p, badText("id", maxID)
	}
	if !isName(p.Name) {
		return p, badName("name")
	}
	if err := p.check(); err != nil {
		return p, err
	}
	key := compaction.Key(p.Tenant, p.ID)
	if _, ok, err := Promotions.Get(tx, key); err != nil {
		return p, err
	} else if ok {
		return p, &ExistsError{"promotion"}
	}
	p.Active, p.Created, p.Updated = true, tx.Now(), tx.Now()
	Promotions.Put(tx, key, p)
	return p, nil
}

// DeactivatePromotion ends a promotion: no more of it is reserved. What is reserved stays so. It
// fails with a *NotFoundError.
func DeactivatePromotion(tx *compaction.Tx, tenant, id string) (Promotion, error) {
	p, err := FindPromotion(tx, tenant, id)
	if err != nil || !p.Active {
		return p, err
	}
	p.Active, p.Updated = false, tx.Now()
	Promotions.Put(tx, compaction.Key(tenant, id), p)
	return p, nil
}

// FindPromotion returns a promotion. It fails with a *NotFoundError.
func FindPromotion(s compaction.State, tenant, id string) (Promotion, error) {
	return find(s, Promotions, compaction.Key(tenant, id), "promotion")
}

// AddCode gives a promotion another code, in whatever case text is. It fails with a *FieldError, a
// *NotFoundError for the promotion, and an *ExistsError for a code that the tenant has used before.
func AddCode(tx *compaction.Tx, tenant, promotion, text string) (Code, error) {
	code, err := NormalizeCode(text)
	if err != nil {
		return Code{}, err
	}
	if _, err := FindPromotion(tx, tenant, promotion); err != nil {
		return Code{}, err
	}
	key := compaction.Key(tenant, code)
	if _, ok, err := Codes.Get(tx, key); err != nil {
		return Code{}, err
	} else if ok {
		return Code{}, &ExistsError{"promotion code"}
	}
	c := Code{Tenant: tenant, Code: code, Promotion: promotion, Active: true, Created: tx.Now()}
	Codes.Put(tx, key, c)
	return c, nil
}

// DeactivateCode ends a code; the promotion and its other codes go on. It fails with a
// *FieldError or a *NotFoundError.
func DeactivateCode(tx *compaction.Tx, tenant, text string) (Code, error) {
	c, err := FindCode(tx, tenant, text)
	if err != nil || !c.Active {
		return c, err
	}
	c.Active = false
	Codes.Put(tx, compaction.Key(tenant, c.Code), c)
	return c, nil
}

// FindCode returns the code of a text in whatever case. It fails with a *FieldError or a
// *NotFoundError.
func FindCode(s compaction.State, tenant, text string) (Code, error) {
	code, err := NormalizeCode(text)
	if err != nil {
		return Code{}, err
	}
	return find(s, Codes, compaction.Key(tenant, code), "promotion code")
}

// Resolve returns the promotions of codes, for Price. It fails with a *FieldError or a
// *NotFoundError for a code that is none, and with a *PromotionError for one that has ended.
func Resolve(s compaction.State, tenant string, codes []string) ([]Applied, error) {
	if len(codes) > MaxPromotions {
		return nil, &FieldError{"promotion_codes", "too_many", "at most 10 codes"}
	}
	var all []Applied
	for i, text := range codes {
		c, err := FindCode(s, tenant, text)
		if wrong, ok := errors.AsType[*FieldError](err); ok {
			err = &FieldError{"promotion_codes." + strconv.Itoa(i), wrong.Rule, wrong.Fix}
		}
		if err != nil {
			return nil, err
		}
		if !c.Active {
			return nil, &PromotionError{Promotion: c.Promotion, Rule: "inactive"}
		}
		p, err := FindPromotion(s, tenant, c.Promotion)
		if err != nil {
			return nil, err
		}
		all = append(all, Applied{p, c.Code})
	}
	return all, nil
}
