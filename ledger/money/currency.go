package money

import (
	"fmt"
	"strings"
)

// A Currency is a currency of ISO 4217. The zero Currency is none; every other comes from
// ParseCurrency. Currencies compare with ==. The number inside is never stored: it may differ
// between versions of the program.
type Currency struct{ place uint8 }

// A CurrencyError reports a text that is no currency of ISO 4217 in which money is paid.
type CurrencyError struct{ Code string }

// Error quotes the text.
func (e *CurrencyError) Error() string {
	return fmt.Sprintf("%.12q is not the code of a currency in ISO 4217", e.Code)
}

// ParseCurrency returns the currency of an alphabetic code in upper case, such as "EUR". It fails
// with a *CurrencyError for every other text.
func ParseCurrency(code string) (Currency, error) {
	if place := find(code); place != 0 {
		return Currency{place}, nil
	}
	return Currency{}, &CurrencyError{strings.Clone(code)}
}

// MustParseCurrency is ParseCurrency for codes written in a program. It panics on any other text.
func MustParseCurrency(code string) Currency {
	c, err := ParseCurrency(code)
	if err != nil {
		panic(err)
	}
	return c
}

// String returns the code, and an empty text for the zero Currency.
func (c Currency) String() string { return known[c.place].code }

// Digits returns how many decimal digits the minor unit stands for: 2 for EUR, 0 for JPY, 3 for
// KWD.
func (c Currency) Digits() int { return int(known[c.place].digits) }

// IsZero reports whether c is no currency at all.
func (c Currency) IsZero() bool { return c.place == 0 }

type currency struct {
	code   string
	digits uint8
}

// known holds the currencies by place; place 0 is no currency. index finds the place of a code by
// its letters, without a search.
var known, index = list()

// list reads minorUnits.
func list() ([]currency, [26 * 26 * 26]uint8) {
	known := []currency{{}}
	var index [26 * 26 * 26]uint8
	digits := map[string]uint8{}
	for d, codes := range minorUnits {
		for code := range strings.FieldsSeq(codes) {
			digits[code] = uint8(d)
		}
	}
	for at := range index {
		code := string([]byte{'A' + byte(at/26/26), 'A' + byte(at/26%26), 'A' + byte(at%26)})
		if d, ok := digits[code]; ok {
			index[at] = uint8(len(known))
			known = append(known, currency{code, d})
		}
	}
	return known, index
}

// find returns the place of a code, or 0.
func find(code string) uint8 {
	if len(code) != 3 {
		return 0
	}
	at := 0
	for i := range len(code) {
		letter := code[i] - 'A'
		if letter >= 26 {
			return 0
		}
		at = at*26 + int(letter)
	}
	return index[at]
}

// minorUnits is list one of ISO 4217, by the number of digits of the minor unit. Left out are the
// codes without a minor unit (metals, accounting units, tests: XAU, XDR, XTS, XXX and their like).
// Codes that were withdrawn while records may bear them stay for ever: ANG, BGN, HRK.
var minorUnits = [...]string{
	0: `BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF`,
	2: `AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN
		BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP
		GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK
		LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK
		NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
		STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER
		ZAR ZMW ZWG`,
	3: `BHD IQD JOD KWD LYD OMR TND`,
	4: `CLF UYW`,
}
