package quoting

import (
	"sync"
	"time"
	_ "time/tzdata" // the same zones on every machine that has none of its own
)

// A Date is a day of the calendar as "2026-12-31", empty for none. Dates sort as texts.
type Date string

// ParseDate returns the date of a text. It fails with a *FieldError on that field.
func ParseDate(field, text string) (Date, error) {
	if t, err := time.Parse(time.DateOnly, text); err != nil || t.Year() < 1900 {
		return "", &FieldError{field, "date", "must be a date such as 2026-12-31"}
	}
	return Date(text), nil
}

// DateOf returns the day of a time in a zone.
func DateOf(t time.Time, zone *time.Location) Date { return Date(t.In(zone).Format(time.DateOnly)) }

// start returns the first instant of the day in a zone.
func (d Date) start(zone *time.Location) (time.Time, error) {
	return time.ParseInLocation(time.DateOnly, string(d), zone)
}

// End returns the first instant after the day in a zone: what is valid until the day is valid until
// then, not included. It fails with a *FieldError for a text that is no date.
func (d Date) End(zone *time.Location) (time.Time, error) {
	t, err := d.start(zone)
	if err != nil {
		return time.Time{}, &FieldError{"date", "date", "must be a date such as 2026-12-31"}
	}
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, zone).UTC(), nil
}

// addDays returns the day n days later.
func (d Date) addDays(n int) (Date, error) {
	t, err := d.start(time.UTC)
	if err != nil {
		return "", &FieldError{"date", "date", "must be a date such as 2026-12-31"}
	}
	return Date(t.AddDate(0, 0, n).Format(time.DateOnly)), nil
}

// zones keeps the zones that were asked for: reading one takes a file.
var zones sync.Map // name → *time.Location

// zone returns a zone of the tz database. It fails with a *FieldError on "time_zone".
func zone(name string) (*time.Location, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	if name == "" || name == "Local" || !isText(name, maxID, false) {
		return nil, badZone()
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, badZone()
	}
	zones.Store(name, z)
	return z, nil
}

func badZone() error {
	return &FieldError{"time_zone", "time_zone", "must be a zone such as Europe/Berlin"}
}
