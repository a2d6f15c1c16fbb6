package main_test

import "syscall"

// childAttr has the kernel end a node whose test binary dies without its
// cleanups, as it does when a test takes too long.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
