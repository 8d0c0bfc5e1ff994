package tel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tnreserve/store/tel"
)

func TestGroupRoles(t *testing.T) {
	list, err := tel.ParseGroupRoles("ops=operator, desk=support,acme-admins=admin@1,acme=member@1,a=b=support@2")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   []string
		want tel.Places
	}{
		{nil, tel.Places{0: "", 1: "", 2: ""}},
		{[]string{"others", "OPS"}, tel.Places{0: "", 1: "", 2: ""}},
		{[]string{"desk", "ops"}, tel.Places{0: tel.RoleOperator, 1: "", 2: ""}},
		{[]string{"acme", "acme-admins", "a=b"}, tel.Places{0: "", 1: tel.RoleAdmin, 2: tel.RoleSupport}},
	} {
		if d := cmp.Diff(c.want, list.Places(c.in)); d != "" {
			t.Errorf("%v: %s", c.in, d)
		}
	}
	for _, bad := range []string{"", "ops", "=operator", "ops=root", "ops=operator@1", "ops=admin", "ops=member@", "ops=member@0", "ops=operator,", "ops=member@x"} {
		_, err := tel.ParseGroupRoles(bad)
		code(t, err, tel.CodeInvalid)
	}
	if got := (tel.GroupRoles)(nil).Places([]string{"ops"}); len(got) != 0 {
		t.Error(got)
	}
}
