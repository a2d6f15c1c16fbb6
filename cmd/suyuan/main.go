// Command suyuan runs and uses a node of a product-traceability network: it
// makes keys and charters, runs a node, issues codes, writes records, and
// verifies what nodes hold or serve.
//
// Start with `suyuan demo`, which runs four companies on this machine. main.go
// and root.go tie the subcommands together; each other file is one subcommand
// with its help text and flags.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
