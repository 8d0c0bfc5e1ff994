//go:build unix

package main

import "syscall"

// private makes the files that this process creates its user's alone: a database
// holds customers' notes and hashes of passwords, and so do its log and its copies.
func private() { syscall.Umask(0o077) }

// closeOnExec keeps a descriptor from the programs that this one starts.
func closeOnExec(fd int) { syscall.CloseOnExec(fd) }
