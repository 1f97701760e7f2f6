package collector

// Dropped returns how many series a scrape leaves out because others have the same labels.
func (g *Gatherer) Dropped() uint64 {
	groups, dropped := g.collect()
	return newPage(groups, dropped).dropped
}
