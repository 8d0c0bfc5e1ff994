//go:build !unix

package main

// private leaves it to the folder's own rights.
func private() {}

// closeOnExec has nothing to do: systemd hands nothing over here.
func closeOnExec(int) {}
