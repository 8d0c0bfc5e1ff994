package tel

import "strings"

// GroupRole gives the people of an identity provider's group a role.
type GroupRole struct {
	Group   string
	Role    Role
	Account AccountID // 0: the platform
}

// GroupRoles is what an identity provider's groups mean here.
type GroupRoles []GroupRole

// ParseGroupRoles reads "ops=operator,acme-admins=admin@9500012".
func ParseGroupRoles(s string) (GroupRoles, error) {
	var list GroupRoles
	for part := range strings.SplitSeq(s, ",") {
		g, err := parseGroupRole(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	return list, nil
}

func parseGroupRole(s string) (g GroupRole, err error) {
	i := strings.LastIndexByte(s, '=')
	if i < 1 {
		return g, Invalid("groups", "%q is not like acme-admins=admin@9500012", s)
	}
	g.Group = strings.TrimSpace(s[:i])
	role, account, found := strings.Cut(strings.TrimSpace(s[i+1:]), "@")
	if found {
		if g.Account, err = ParseAccountID(account); err != nil {
			return g, err
		}
	}
	g.Role = Role(role)
	return g, CheckPlace(g.Role, g.Account)
}

// Places are roles by account (0: the platform); "" is none. An account that is
// absent is not spoken of.
type Places map[AccountID]Role

// Places are what somebody in some groups is, for every account that any group
// speaks of. Of several roles in one account the one that may most counts.
func (list GroupRoles) Places(groups []string) Places {
	in := map[string]bool{}
	for _, g := range groups {
		in[g] = true
	}
	places := Places{}
	for _, g := range list {
		role := places[g.Account]
		if in[g.Group] && rank(g.Role) > rank(role) {
			role = g.Role
		}
		places[g.Account] = role
	}
	return places
}

// rank orders roles by how much they may.
func rank(r Role) int {
	n := 0
	for _, act := range Actions() {
		n += int(grants[act][r])
	}
	return n
}
