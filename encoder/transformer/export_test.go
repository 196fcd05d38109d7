package transformer

// SetMinWork makes Forward use several cores for less work, or never, until restore is called.
func SetMinWork(n int) (restore func()) {
	old := minWork
	minWork = n
	return func() { minWork = old }
}
