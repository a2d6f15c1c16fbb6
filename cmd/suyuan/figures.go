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
