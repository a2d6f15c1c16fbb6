package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"suyuan/node"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
	exitBad    = 3 // something was checked and found bad
)

// env is what every subcommand gets: the streams and the global flags. What was
// asked for goes to stdout, everything else to stderr.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	dir  string
	json bool
}

// misuse is an error in how a command was called.
type misuse struct{ error }

func misused(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

// errBad ends a command that found what it checked to be bad. What was found
// has been printed already.
var errBad = errors.New("checked and found bad")

// hinted adds to an error what to try.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func withHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return hinted{err, fmt.Sprintf(format, args...)}
}

// run is the whole program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := &env{stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRoot(e)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errBad) {
		return exitBad
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		fmt.Fprintln(stderr, "suyuan: interrupted")
		return exitFailed
	}
	name := ""
	if cmd != root {
		name = strings.TrimPrefix(cmd.CommandPath(), "suyuan ") + ": "
	}
	fmt.Fprintf(stderr, "suyuan: %s%v\n", name, err)
	hint := e.hintFor(err)
	usage := isCobraUsage(err)
	if usage && hint == "" && cmd != root {
		hint = "the usage is " + cmd.UseLine() + "; --help says more"
	}
	if hint != "" {
		fmt.Fprintf(stderr, "suyuan: hint: %s\n", hint)
	}
	var m misuse
	if errors.As(err, &m) || usage {
		return exitMisuse
	}
	return exitFailed
}

// hintFor says what to try about an error, where we know.
func (e *env) hintFor(err error) string {
	var h hinted
	var path *fs.PathError
	switch {
	case errors.As(err, &h):
		return h.hint
	case errors.Is(err, node.ErrPassphrase):
		return "give the right one with --passphrase-file or in SUYUAN_PASSPHRASE_FILE"
	case errors.Is(err, node.ErrNoCharter):
		return "the charter comes from the company that proposed it: suyuan charter accept CHARTER.json"
	case errors.Is(err, node.ErrRunning):
		return "is `suyuan run` running there? Other commands talk to it when they may open its node.sock"
	case errors.Is(err, os.ErrNotExist) && errors.As(err, &path) && e.dir != "" && strings.HasPrefix(path.Path, filepath.Clean(e.dir)):
		return "is --dir (or SUYUAN_DIR) the directory that `suyuan init` made?"
	}
	return ""
}

// isCobraUsage recognises the errors that cobra makes of bad calls; it has no
// type for them.
func isCobraUsage(err error) bool {
	for _, start := range []string{"unknown command", "unknown flag", "unknown shorthand", "required flag", "accepts ", "requires at least", "flag needs", "invalid argument", "if any flags in the group"} {
		if strings.HasPrefix(err.Error(), start) {
			return true
		}
	}
	return false
}

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "suyuan",
		Short: "A product-traceability ledger: one item, one code, its whole way from production to sale",
		Example: `  suyuan demo --dir /tmp/demo --port 8500      four companies on this machine
  suyuan init --dir wh --network lanzhi.example --member wh --role warehouse --name-zh 华东仓 --name-en "East DC"
  suyuan run --dir wh
  suyuan trace --dir wh https://lanzhi.example/01/06901234000016/21/…`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.PersistentFlags().StringVar(&e.dir, "dir", os.Getenv("SUYUAN_DIR"), "the node's directory (or SUYUAN_DIR)")
	root.PersistentFlags().BoolVar(&e.json, "json", false, "print JSON")
	root.AddCommand(
		newDemo(e), newInit(e), newCharter(e), newOperator(e), newRun(e), newStatus(e), newDoctor(e),
		newProduct(e), newCodes(e), newRecord(e), newClaim(e), newErase(e), newImport(e), newExport(e), newTrace(e), newScan(e), newInventory(e), newFindings(e), newProof(e), newVerify(e), newIndex(e), newBench(e),
	)
	for _, cmd := range root.Commands() {
		refuseUnknown(cmd)
	}
	return root
}

// refuseUnknown has a command that only groups others refuse a name that none of
// them has. Cobra does so for the root and else shows the help.
func refuseUnknown(cmd *cobra.Command) {
	if !cmd.HasSubCommands() || cmd.Runnable() {
		return
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return misused("unknown command %q", args[0])
		}
		return cmd.Help()
	}
}

// needDir returns the node's directory.
func (e *env) needDir() (string, error) {
	if e.dir == "" {
		return "", misused("--dir (or SUYUAN_DIR) is needed")
	}
	return e.dir, nil
}

// printJSON prints v as one indented JSON value.
func (e *env) printJSON(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// say prints a message for people to stderr.
func (e *env) say(format string, args ...any) { fmt.Fprintf(e.stderr, format+"\n", args...) }
