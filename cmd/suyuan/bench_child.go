package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A benchChild is a node that runs in a process of its own, as in production:
// what calls it does not share its memory or its garbage collector.
type benchChild struct {
	addr string
	dir  string
	cmd  *exec.Cmd
	done chan error
}

// startChild runs the node of a directory that answers HTTP at an address.
func startChild(ctx context.Context, dir, addr string) (*benchChild, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	pass := filepath.Join(dir, "..", "passphrase")
	if err := os.WriteFile(pass, []byte(benchPhrase+"\n"), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "..", "node.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	c := &benchChild{addr: addr, dir: dir, done: make(chan error, 1)}
	c.cmd = exec.Command(self, "run", "--dir", dir, "--log-level", "warn")
	c.cmd.Env = append(os.Environ(), "SUYUAN_PASSPHRASE_FILE="+pass, "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=true")
	c.cmd.Stdout, c.cmd.Stderr = log, log
	bindToParent(c.cmd)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	go func() { c.done <- c.cmd.Wait() }()
	if err := c.waitReady(ctx); err != nil {
		_, serr := c.stop()
		return nil, errors.Join(err, serr)
	}
	return c, nil
}

func (c *benchChild) waitReady(ctx context.Context) error {
	return poll(ctx, demoStart, func(ctx context.Context) (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.addr+"/readyz", nil)
		if err != nil {
			return false, err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return false, err
		}
		return res.StatusCode == http.StatusOK, res.Body.Close()
	})
}

// A usage is what a process took of the machine.
type usage struct {
	CPU  time.Duration
	Peak int64 // of resident memory, in bytes; 0 if not known
}

// stop ends the node and says what it took.
func (c *benchChild) stop() (usage, error) {
	_ = c.cmd.Process.Signal(os.Interrupt) // one that has ended cannot be signalled
	var err error
	select {
	case err = <-c.done:
	case <-time.After(demoStop):
		_ = c.cmd.Process.Kill()
		err = errors.Join(errors.New("the node does not stop"), <-c.done)
	}
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(c.dir, "..", "node.log")) // what there is helps
		err = fmt.Errorf("%w\n%s", err, log[max(0, len(log)-2000):])
	}
	st := c.cmd.ProcessState
	return usage{CPU: st.UserTime() + st.SystemTime(), Peak: peakMemory(st)}, err
}

// counter reads one counter of the node's metrics, the sum of those whose line
// begins with a text.
func (c *benchChild) counter(ctx context.Context, begins string) (sum float64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.addr+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("metrics: status %d", res.StatusCode)
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), begins) {
			continue
		}
		v, err := strconv.ParseFloat(lines.Text()[strings.LastIndexByte(lines.Text(), ' ')+1:], 64)
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum, lines.Err()
}

// freeAddress finds an address on this machine where nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// A plainClient is one connection of HTTP/1.1 that is kept open. It does so
// little that what is measured is the server, also where both share a machine.
type plainClient struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
	body []byte // of the last answer
}

const plainTimeout = 30 * time.Second

// get asks for a path, with further header lines, and returns the status and the
// cookie that was set, if any. The body is valid until the next call.
func (c *plainClient) get(path, headers string) (status int, cookie string, body []byte, err error) {
	if c.conn == nil {
		if c.conn, err = net.Dial("tcp", c.addr); err != nil {
			return 0, "", nil, err
		}
		c.in = bufio.NewReaderSize(c.conn, 64<<10)
	}
	status, cookie, err = c.exchange(path, headers)
	if err != nil {
		c.close()
	}
	return status, cookie, c.body, err
}

func (c *plainClient) close() {
	if c.conn != nil {
		c.conn.Close() // nothing is lost
		c.conn = nil
	}
}

func (c *plainClient) exchange(path, headers string) (status int, cookie string, err error) {
	_ = c.conn.SetDeadline(time.Now().Add(plainTimeout))
	if _, err = io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\nHost: "+c.addr+"\r\n"+headers+"\r\n"); err != nil {
		return 0, "", err
	}
	line, err := c.line()
	if err != nil {
		return 0, "", err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, "", fmt.Errorf("answer %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, "", err
	}
	length := -1
	for {
		if line, err = c.line(); err != nil {
			return 0, "", err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, "", err
			}
		case bytes.EqualFold(name, []byte("Set-Cookie")):
			first, _, _ := bytes.Cut(value, []byte(";"))
			cookie = string(first)
		}
	}
	if length < 0 {
		return 0, "", errors.New("answer without a length")
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.in, c.body)
	return status, cookie, err
}

func (c *plainClient) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}
