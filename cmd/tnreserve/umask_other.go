//go:build !unix

package main

// private leaves it to the folder's own rights.
func private() {}
