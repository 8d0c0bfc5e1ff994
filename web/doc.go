// Package web is the dashboard: pages for people, server-rendered, over the one
// service in store. routes.go reads as its site map; there is one file per page
// family, one funnel for errors (errors.go), and one place that knows htmx's headers
// (htmx.go).
package web
