//go:build !linux

package main

import "os/exec"

// bindToParent does nothing where the kernel does not tie children to parents.
func bindToParent(*exec.Cmd) {}
