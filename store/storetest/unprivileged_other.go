//go:build !unix

package storetest

import "os/exec"

func (p *Server) giveAway() error        { return nil }
func (p *Server) unprivileged(*exec.Cmd) {}
