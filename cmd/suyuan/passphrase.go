package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// passphraseFlags are the ways to give a passphrase: a file, the environment,
// or a prompt. It is never an argument, where other users of the machine would
// see it.
type passphraseFlags struct{ file, adminFile string }

func (p *passphraseFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "passphrase-file", os.Getenv("SUYUAN_PASSPHRASE_FILE"),
		"file whose first line is the node's passphrase (or SUYUAN_PASSPHRASE_FILE)")
}

func (p *passphraseFlags) addAdmin(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.adminFile, "admin-passphrase-file", os.Getenv("SUYUAN_ADMIN_PASSPHRASE_FILE"),
		"file with the admin key's passphrase, if it has one of its own (or SUYUAN_ADMIN_PASSPHRASE_FILE)")
}

// node returns the node's passphrase.
func (p *passphraseFlags) node(e *env) (string, error) {
	return readPassphrase(e, p.file, "passphrase of the node", false)
}

// newNode asks for a new passphrase, twice if it is typed.
func (p *passphraseFlags) newNode(e *env) (string, error) {
	return readPassphrase(e, p.file, "new passphrase of the node", true)
}

// admin returns the admin key's passphrase: its own file if there is one, else
// the node's.
func (p *passphraseFlags) admin(e *env) (string, error) {
	if p.adminFile != "" {
		return readPassphrase(e, p.adminFile, "", false)
	}
	return readPassphrase(e, p.file, "passphrase of the admin key", false)
}

func readPassphrase(e *env, file, prompt string, twice bool) (string, error) {
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("open passphrase file: %w", err)
		}
		defer f.Close()
		return firstLine(f, file)
	}
	in, ok := e.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", withHint(misused("a passphrase is needed"), "give --passphrase-file FILE or set SUYUAN_PASSPHRASE_FILE")
	}
	first, err := ask(e, in, prompt)
	if err != nil || !twice {
		return first, err
	}
	second, err := ask(e, in, "the same again")
	if err == nil && first != second {
		err = errors.New("the two differ")
	}
	return first, err
}

func ask(e *env, in *os.File, prompt string) (string, error) {
	fmt.Fprintf(e.stderr, "%s: ", prompt)
	line, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(e.stderr)
	if err != nil {
		return "", fmt.Errorf("read passphrase: %w", err)
	}
	if len(line) == 0 {
		return "", errors.New("the passphrase is empty")
	}
	return string(line), nil
}

// maxPassphrase bounds what is read of a passphrase file.
const maxPassphrase = 4096

func firstLine(r io.Reader, name string) (string, error) {
	s := bufio.NewScanner(io.LimitReader(r, maxPassphrase))
	s.Scan()
	if err := s.Err(); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	line := strings.TrimRight(s.Text(), "\r")
	if line == "" {
		return "", fmt.Errorf("the first line of %s is empty", name)
	}
	return line, nil
}
