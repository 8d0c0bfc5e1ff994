package bandwidth_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// BenchmarkReserve is the door without a network; cmd/bench measures it over HTTP,
// beside the dashboard.
func BenchmarkReserve(b *testing.B) {
	d := open(b)
	p := tel.DefaultPolicy()
	p.MaxHeld = tel.MostHeld
	if err := d.SetPolicy(ctx, root, storetest.Acme, p); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			d.do("acme-member", "POST", mine("/tnreservation"), fmt.Sprintf("<Reservation><ReservedTn>919555%d</ReservedTn></Reservation>", 2000+n.Add(1)%2000))
		}
	})
}
