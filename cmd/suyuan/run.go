package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"suyuan/node"
)

func newRun(e *env) *cobra.Command {
	var pass passphraseFlags
	var level string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the node: pages, API and replication, until interrupted",
		Example: `  suyuan run --dir wh --passphrase-file pw
  curl -s http://127.0.0.1:8080/readyz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := e.needDir()
			if err != nil {
				return err
			}
			config, err := node.ReadConfig(dir)
			if err != nil {
				return err
			}
			phrase, err := pass.node(e)
			if err != nil {
				return err
			}
			log := newLogger(e.stderr, config.Log, level)
			n, err := node.Open(node.Options{Dir: dir, Passphrase: phrase, Log: log})
			if err != nil {
				return err
			}
			return errors.Join(runNode(cmd, e, n, config, log), n.Close())
		},
	}
	cmd.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	pass.add(cmd)
	return cmd
}

// runNode serves and replicates until the command's context ends.
func runNode(cmd *cobra.Command, e *env, n *node.Node, config *node.Config, log *slog.Logger) error {
	public, err := net.Listen("tcp", config.HTTP)
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	local, err := listenSocket(e.dir)
	if err != nil {
		return errors.Join(err, public.Close())
	}
	s, err := newServers(n, public, local, log)
	if err != nil {
		return errors.Join(err, public.Close(), local.Close())
	}
	st := n.Status()
	e.say("%s  %s / %s", st.Chain, st.NameZh, st.NameEn)
	e.say("network  %s  %s", st.Network.Name, st.Network.ID)
	e.say("pages    http://%s/", public.Addr())
	if !st.Signing.OK {
		e.say("NOT SIGNING: %s", strings.TrimPrefix(st.Signing.Reason, "not signing: "))
	}
	e.say("ready")
	g, ctx := errgroup.WithContext(cmd.Context())
	g.Go(func() error { return n.Run(ctx) })
	g.Go(func() error {
		<-ctx.Done()
		log.Info("shutting down")
		return s.stop()
	})
	return g.Wait()
}

// newLogger makes the log of a process: text or JSON on stderr.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	opt := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}

// logger is the log of commands that are not the node itself.
func (e *env) logger(level string) *slog.Logger { return newLogger(e.stderr, "text", level) }
