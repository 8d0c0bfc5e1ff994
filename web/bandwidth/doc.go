// Package bandwidth is the Bandwidth-compatible XML door.
package bandwidth
