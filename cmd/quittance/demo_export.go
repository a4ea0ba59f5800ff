package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// export downloads the finance file of these days, twice, and takes from it what was moved for each
// payment. The two must be the same bytes.
func (d *demo) export(ctx context.Context) error {
	from := d.began.UTC().Truncate(24 * time.Hour)
	var file, again bytes.Buffer
	for _, into := range []*bytes.Buffer{&file, &again} {
		path := reconciliationPath(from, from.AddDate(0, 0, 2))
		if err := d.finance.download(ctx, path, "", into); err != nil {
			return err
		}
	}
	if !bytes.Equal(file.Bytes(), again.Bytes()) {
		return fmt.Errorf("the file is another when it is asked for again")
	}
	gross, err := readExport(&file)
	if err != nil {
		return err
	}
	for _, j := range d.journeys {
		rows := gross[j.payment]
		if len(rows) != 1 {
			j.wrong = fmt.Sprintf("%d rows are exported", len(rows))
		}
		for _, r := range rows {
			j.exported = j.exported.Add(r.gross)
			if r.currency != j.currency {
				j.wrong = "exported in " + r.currency
			}
		}
	}
	return nil
}

// An exported row is what the file has of one movement.
type exportedRow struct {
	currency string
	gross    decimal.Decimal
}

// readExport returns the settled movements of each payment.
func readExport(file *bytes.Buffer) (map[string][]exportedRow, error) {
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("the file is empty")
	}
	at := func(column string) int { return slices.Index(rows[0], column) }
	record, payment, currency, gross := at("record"), at("payment_id"), at("currency"), at("gross")
	if min(record, payment, currency, gross) < 0 {
		return nil, fmt.Errorf("the file has not the columns it should: %v", rows[0])
	}
	found := map[string][]exportedRow{}
	for _, r := range rows[1:] {
		if r[record] != "settled" || r[payment] == "" {
			continue
		}
		amount, err := decimal.NewFromString(r[gross])
		if err != nil {
			return nil, err
		}
		found[r[payment]] = append(found[r[payment]], exportedRow{r[currency], amount})
	}
	return found, nil
}
