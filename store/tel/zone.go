package tel

import (
	_ "embed"
	"slices"
	"strings"
)

// zonesText names a zone per line: the IANA list's zone.tab, and UTC.
//
//go:embed zones.txt
var zonesText string

var zones = strings.Fields(zonesText)

// Zones lists the time zones that a person may choose, in order.
func Zones() []string { return zones }

// CheckZone refuses what is no time zone; "" leaves it to the browser.
func CheckZone(zone string) error {
	if _, ok := slices.BinarySearch(zones, zone); !ok && zone != "" {
		return Invalid("zone", "Choose a time zone from the list.")
	}
	return nil
}
