package check

// suppressConsequences removes the consequences of each cause that was found: findings that the cause's check lists in
// Silences, about the same subject or a part of it. A consequence stays if it was found before its cause or is more
// severe: a warning never hides a critical finding.
func suppressConsequences(found map[Key]Finding) {
	consequences := map[string][]string{}
	for _, c := range Catalogue() {
		consequences[c.Code] = c.Silences
	}
	candidates := findConsequences(found, consequences)
	var consequent []Key
	for cause := range found {
		for _, code := range consequences[cause.Code] {
			for _, key := range candidates[Key{code, cause.Subject}] {
				if follows(found[key], found[cause]) {
					consequent = append(consequent, key)
				}
			}
		}
	}
	for _, key := range consequent {
		delete(found, key)
	}
}

// findConsequences returns the findings that a cause among them could silence, by the code and subject under which
// that cause looks them up.
func findConsequences(found map[Key]Finding, consequences map[string][]string) map[Key][]Key {
	silenced := map[string]bool{}
	for key := range found {
		for _, code := range consequences[key.Code] {
			silenced[code] = true
		}
	}
	candidates := map[Key][]Key{}
	for key := range found {
		if !silenced[key.Code] {
			continue
		}
		for _, whole := range key.wholes() {
			candidates[Key{key.Code, whole}] = append(candidates[Key{key.Code, whole}], key)
		}
	}
	return candidates
}

// wholes returns the subjects that s is, or is a part of: a path, its connector, its tenant, the exporter.
func (s Subject) wholes() []Subject {
	all := []Subject{s}
	add := func(whole Subject) {
		if whole != all[len(all)-1] {
			all = append(all, whole)
		}
	}
	add(Subject{Tenant: s.Tenant, Direction: s.Direction, Connector: s.Connector})
	add(Subject{Tenant: s.Tenant})
	add(Subject{})
	return all
}

// follows reports whether one finding may be the consequence of another.
func follows(consequence, cause Finding) bool {
	if consequence.independentOf == cause.Code {
		return false
	}
	return !consequence.Since.Before(cause.Since) && consequence.Severity <= cause.Severity
}
