// Package migrations embeds the database's schema as numbered steps, one SQL text
// for SQLite and PostgreSQL. A step that only one of them understands carries its
// name: 0002_guard.sqlite.sql.
package migrations

import "embed"

// Files are the steps, named NNNN_what[.dialect].sql.
//
//go:embed *.sql
var Files embed.FS
