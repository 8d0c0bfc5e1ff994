package views

import (
	"context"

	"tnreserve/views/texts"
)

// Count is a whole number as the reader's language writes it: "1,284".
func Count(ctx context.Context, n int) string { return texts.T(ctx, "%d", n) }
