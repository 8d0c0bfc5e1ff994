//go:build unix

package postgres

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// PostgreSQL refuses to run as root: it runs as its own user then, or as nobody.

func unprivilegedUser() (uid, gid int) {
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ = strconv.Atoi(u.Uid)
			gid, _ = strconv.Atoi(u.Gid)
			return uid, gid
		}
	}
	return 65534, 65534
}

func (p *Server) giveAway() error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid := unprivilegedUser()
	return os.Chown(p.dir, uid, gid)
}

func (p *Server) unprivileged(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal to the tests is not the server's
	if os.Geteuid() == 0 {
		uid, gid := unprivilegedUser()
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
}
