package main

import (
	"context"

	"suyuan/api"
	"suyuan/trace"
	"suyuan/trace/stock"
)

// Inventory implements api.Figures.
func (b backend) Inventory(ctx context.Context, q stock.Question) (*stock.Inventory, error) {
	return b.n.Inventory(ctx, q)
}

// Prints implements api.Figures.
func (b backend) Prints(ctx context.Context, q stock.Question) (*stock.Prints, error) {
	return b.n.Prints(ctx, q)
}

// Lots implements api.Figures.
func (b backend) Lots(ctx context.Context, q stock.Question, viewer api.Viewer) (*stock.Lots, error) {
	return b.n.Lots(ctx, q, trace.Viewer{Member: viewer.Member, Party: viewer.Party})
}

// Findings implements api.Figures.
func (b backend) Findings(ctx context.Context, q stock.FindingQuestion, viewer api.Viewer) (*stock.Findings, error) {
	return b.n.Findings(ctx, q, trace.Viewer{Member: viewer.Member, Party: viewer.Party})
}

// WatchEvents implements api.Events.
func (b backend) WatchEvents() (changed <-chan struct{}, stop func()) { return b.n.WatchEvents() }

// EventSizes implements api.Events.
func (b backend) EventSizes(final bool) (map[uint32]uint64, error) { return b.n.EventSizes(final) }

// EventsAfter implements api.Events.
func (b backend) EventsAfter(ctx context.Context, after map[uint32]uint64, final bool, viewer api.Viewer) ([]api.Streamed, map[uint32]uint64, bool, error) {
	events, at, more, err := b.n.EventsAfter(ctx, after, final, trace.Viewer{Member: viewer.Member, Party: viewer.Party})
	list := make([]api.Streamed, len(events))
	for i := range events {
		list[i] = api.Streamed{Kind: events[i].Kind, At: events[i].At, Data: &events[i]}
	}
	return list, at, more, err
}

// ScanReport implements api.ScanReports.
func (b backend) ScanReport(ctx context.Context, suspects int, members []string) (any, error) {
	return b.scans.Report(ctx, suspects, members)
}
