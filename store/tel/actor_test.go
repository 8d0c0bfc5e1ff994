package tel_test

import (
	"strings"
	"testing"

	"tnreserve/store/tel"
)

// The table of SEMANTICS.md, line by line: operator, admin, support of an account,
// support of all, member, end user. A cell says on whose account: "all", "own", or "-".
const whoMayWhat = `
switch reservation on or off                     | all | own | -   | -   | -   | -
lock the switch                                  | all | -   | -   | -   | -   | -
set the hold policy                              | all | own | -   | -   | -   | -
see the hold policy                              | all | own | own | all | -   | -
search                                           | all | own | own | all | own | -
reserve                                          | all | own | -   | -   | own | -
read a reservation by its id                     | all | own | own | all | own | -
list, report, export outstanding reservations    | all | own | -   | -   | -   | -
extend, drop, cancel by id                       | all | own | -   | -   | own | -
order                                            | all | own | -   | -   | own | -
read an order by its id                          | all | own | own | all | own | -
list orders and numbers in service               | all | own | -   | -   | -   | -
disconnect                                       | all | own | -   | -   | -   | -
look up by number                                | all | own | own | all | -   | -
import inventory, disable numbers                | all | -   | -   | -   | -   | -
see all accounts, create one                     | all | -   | -   | -   | -   | -
people of an account                             | all | own | -   | -   | -   | -
API clients of an account                        | all | own | -   | -   | -   | -
make and revoke purchase links of a reservation  | all | own | -   | -   | own | -
set how an account sells to end users            | all | own | -   | -   | -   | -
read who bought                                  | all | own | -   | -   | -   | -
complete the one purchase behind a link          | -   | -   | -   | -   | -   | own
search and hold one number in a storefront       | -   | -   | -   | -   | -   | own
webhooks of an account                           | all | own | -   | -   | -   | -
require a second factor of an account's people   | all | own | -   | -   | - | -
people of the whole platform                     | all | -   | -   | -   | - | -
reports                                          | all | own | -   | -   | - | -
read the audit trail                             | all | own | own | all | - | -
read the metrics                                 | all | -   | -   | -   | - | -
`

func TestWhoMayWhat(t *testing.T) {
	const own, other = 9500001, 9500002
	actors := []tel.Actor{
		{Role: tel.RoleOperator}, {Role: tel.RoleAdmin, Account: own}, {Role: tel.RoleSupport, Account: own},
		{Role: tel.RoleSupport}, {Role: tel.RoleMember, Account: own}, {Role: tel.RoleBuyer, Account: own},
	}
	seen := map[tel.Action]bool{}
	for line := range strings.Lines(strings.TrimSpace(whoMayWhat)) {
		cells := strings.Split(line, "|")
		act := tel.Action(strings.TrimSpace(cells[0]))
		seen[act] = true
		for i, a := range actors {
			reach := strings.TrimSpace(cells[i+1])
			if a.Can(act) != (reach != "-") {
				t.Errorf("%s of %d can %s: %v", a.Role, a.Account, act, a.Can(act))
			}
			for _, account := range []tel.AccountID{own, other, 0} {
				want := reach == "all" || reach == "own" && account == own
				if got := a.May(act, account); got != want {
					t.Errorf("%s of %d may %s on %d: %v", a.Role, a.Account, act, account, got)
				}
				sees := a.Account == 0 || account == own && a.Role != tel.RoleBuyer
				if a.Sees(account) != sees {
					t.Errorf("%s of %d sees %d: %v", a.Role, a.Account, account, !sees)
				}
				wantCode := tel.Code("")
				if !want {
					if wantCode = tel.CodeForbidden; !sees {
						wantCode = tel.CodeNotFound
					}
				}
				code(t, a.Require(act, account), wantCode)
			}
		}
	}
	for _, act := range tel.Actions() {
		if !seen[act] {
			t.Errorf("%q is not in the table", act)
		}
	}
	if len(seen) != len(tel.Actions()) {
		t.Errorf("%d lines, %d actions", len(seen), len(tel.Actions()))
	}
	for _, a := range []tel.Actor{{}, {Role: "root"}, {Role: tel.RoleAdmin}, {Role: tel.RoleMember}, {Role: tel.RoleBuyer}} { // nobody, and roles without their account
		for _, act := range tel.Actions() {
			for _, account := range []tel.AccountID{0, own} {
				if a.May(act, account) || a.Sees(account) {
					t.Errorf("%+v may %s on %d", a, act, account)
				}
			}
		}
	}
	if s := tel.System("sweeper"); s.Kind != tel.KindSystem || !s.May(tel.ActManageInventory, other) {
		t.Errorf("%+v", s)
	}
}

func TestRoleFor(t *testing.T) {
	m := []tel.Membership{{Account: 1, Role: tel.RoleAdmin}, {Account: 2, Role: tel.RoleMember}}
	for _, c := range []struct {
		platform tel.Role
		account  tel.AccountID
		role     tel.Role
		ok       bool
	}{
		{"", 1, tel.RoleAdmin, true}, {"", 2, tel.RoleMember, true}, {"", 3, "", false}, {"", 0, "", false},
		{tel.RoleOperator, 0, tel.RoleOperator, true}, {tel.RoleOperator, 2, tel.RoleOperator, true}, {tel.RoleOperator, 7, tel.RoleOperator, true},
		{tel.RoleSupport, 0, tel.RoleSupport, true}, {tel.RoleSupport, 1, tel.RoleAdmin, true}, {tel.RoleSupport, 3, "", false},
	} {
		p := tel.Person{Platform: c.platform, Memberships: m}
		if role, ok := p.RoleFor(c.account); role != c.role || ok != c.ok {
			t.Errorf("%+v: %s %v", c, role, ok)
		}
	}
	for _, r := range tel.Roles() {
		if got, err := tel.ParseRole(string(r)); got != r || err != nil {
			t.Error(r, err)
		}
	}
	for _, s := range []string{"", "Operator", "root"} {
		_, err := tel.ParseRole(s)
		code(t, err, tel.CodeInvalid)
	}
}
