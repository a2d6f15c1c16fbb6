package main

import (
	"os/exec"
	"syscall"
)

// bindToParent puts the child into a process group of its own, so that Ctrl-C
// reaches it through us alone, and has the kernel end it should we be killed.
func bindToParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
