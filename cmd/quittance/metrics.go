package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quittance/quittance/compaction/local"
)

// registry returns the metrics of the log. The API adds its own.
func (e *engine) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	if e.folder == nil {
		return r // the brokers have metrics of their own
	}
	gauge := func(name, help string, read func(local.Stats) float64) {
		r.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Namespace: "quittance", Subsystem: "log", Name: name, Help: help},
			func() float64 { return read(e.folder.Stats()) }))
	}
	gauge("size_bytes", "What the log takes on disk.",
		func(s local.Stats) float64 { return float64(s.Bytes) })
	gauge("free_bytes", "What was free on its disk when it was last asked.",
		func(s local.Stats) float64 { return float64(s.Available) })
	gauge("reserve_bytes", "Below how many free bytes writes are refused.",
		func(s local.Stats) float64 { return float64(s.Reserve) })
	gauge("damaged_shards", "Shards that have stopped because their log is damaged.",
		func(s local.Stats) float64 { return float64(s.Damaged) })
	r.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Namespace: "quittance", Subsystem: "log", Name: "refused_writes_total",
			Help: "Writes that were refused for want of space."},
		func() float64 { return float64(e.folder.Stats().Refused) }))
	return r
}
