package check_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// words are the strings of arbitrary facts: valid values, and malformed ones.
var words = []string{
	"", "contoso", "contoso.com", "*.contoso.com", "*", "mail.contoso.com", "OnPremises", "Partner", "inbound", "outbound",
	"edge-1", "external", "internal",
	"InternalRelay", "HybridWizard", "DomainValidation", "198.51.100.0/24", "10.0.0.0/8", "40.107.1.1-40.107.1.2", "::1",
	"[::1]", "a@b", "@", "smtp:*;1", "a/b\x00\xff",
	"<I>CN=a<S>CN=b", "*.", ".", "xn--a", "address", "fingerprint", "certificate_name", "send_connector",
	"contoso-com.mail.protection.outlook.com",
	"certificate_expired", "starttls_not_offered", "address_refused", "worldwide",
}

// source makes values out of bytes; when they are used up, everything is zero.
type source struct{ data []byte }

func (s *source) next() byte {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

var arbitrary = map[reflect.Type]func(s *source) any{
	reflect.TypeFor[time.Time](): func(s *source) any {
		if b := s.next(); b != 0 {
			return noon.Add(time.Duration(int(b)-128) * day)
		}
		return time.Time{}
	},
	reflect.TypeFor[netip.Addr]():     func(s *source) any { return s.addr() },
	reflect.TypeFor[netip.AddrPort](): func(s *source) any { return netip.AddrPortFrom(s.addr(), uint16(s.next())) },
	reflect.TypeFor[netip.Prefix]():   func(s *source) any { return netip.PrefixFrom(s.addr(), int(s.next())) },
}

func (s *source) addr() netip.Addr {
	switch b := s.next(); {
	case b == 0:
		return netip.Addr{}
	case b < 8:
		return netip.AddrFrom16([16]byte{0: b, 15: s.next()})
	default:
		return netip.AddrFrom4([4]byte{b, s.next(), 0, 1})
	}
}

// fill sets everything that can be set from outside. Functions stay nil.
func (s *source) fill(v reflect.Value, depth int) {
	if make, ok := arbitrary[v.Type()]; ok {
		v.Set(reflect.ValueOf(make(s)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(words[int(s.next())%len(words)])
	case reflect.Bool:
		v.SetBool(s.next()%2 == 1)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(int8(s.next())))
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(uint64(s.next()))
	case reflect.Float64:
		v.SetFloat(float64(s.next()) / 64)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				s.fill(v.Field(i), depth+1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			s.fill(v.Index(i), depth+1)
		}
	case reflect.Pointer:
		if s.next()%4 != 0 {
			v.Set(reflect.New(v.Type().Elem()))
			s.fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if n := int(s.next()) % 4; n > 0 && depth < 12 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				at := v.Index(i)
				if at.Kind() == reflect.Pointer { // a list has no holes
					at.Set(reflect.New(at.Type().Elem()))
					at = at.Elem()
				}
				s.fill(at, depth+1)
			}
		}
	case reflect.Map:
		if n := int(s.next()) % 4; n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				s.fill(key, depth+1)
				s.fill(value, depth+1)
				v.SetMapIndex(key, value)
			}
		}
	default:
	}
}

// FuzzRun: whatever the facts are, Run returns, the same each time, in order, each subject's code once.
func FuzzRun(f *testing.F) {
	f.Add([]byte{})
	for step := byte(1); step < 64; step += 6 {
		seed := make([]byte, 4096)
		for i := range seed {
			seed[i] = byte(i)*step + byte(i>>8)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var facts check.Facts
		(&source{data}).fill(reflect.ValueOf(&facts).Elem(), 0)
		for i := range facts.Paths {
			if p := &facts.Paths[i]; p.Path == nil { // every path is one that was planned
				p.Path = &probes.Path{}
			}
		}
		got := check.Run(&facts)
		seen := map[check.Key]bool{}
		for i, one := range got {
			if seen[one.Key] {
				t.Errorf("twice: %+v", one.Key)
			}
			seen[one.Key] = true
			if i > 0 && got[i-1].Severity < one.Severity || one.Severity == check.Off || len(one.Evidence) > check.MaxEvidence {
				t.Errorf("%+v", one)
			}
		}
		if again := check.Run(&facts); !reflect.DeepEqual(got, again) {
			t.Errorf("%+v\nthen\n%+v", got, again)
		}
	})
}
