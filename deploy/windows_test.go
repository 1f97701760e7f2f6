package deploy_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// installerTable returns the rows of a table of the installer, without the three lines that describe it.
func installerTable(t *testing.T, file, table string) string {
	t.Helper()
	lines := strings.Split(strings.ReplaceAll(run(t, "msiinfo", "export", file, table), "\r", ""), "\n")
	return strings.Join(lines[3:], "\n")
}

// TestWindowsInstaller verifies the tables of the installer. The authors had no Windows.
func TestWindowsInstaller(t *testing.T) {
	for _, tool := range []string{"wixl", "msibuild", "msiinfo", "faketime"} {
		need(t, tool)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	stage := filepath.Join(t.TempDir(), "stage")
	if err := os.Mkdir(stage, 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"m365_connector_exporter.exe": "a program", "config.example.yaml": read(t, "../config.example.yaml"),
		"Export-M365Connectors.ps1": read(t, "powershell/Export-M365Connectors.ps1"), "LICENSE": read(t, "../LICENSE"),
		"LICENCES-THIRD-PARTY.txt": "licences", "config.yaml": read(t, "windows/config.yaml"),
	} {
		if err := os.WriteFile(filepath.Join(stage, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	first, second := filepath.Join(dir, "1.msi"), filepath.Join(dir, "2.msi")
	run(t, "bash", "windows/msi.sh", "1.2.3-rc1", stage, first)
	t.Setenv("TZ", "Asia/Tokyo")
	run(t, "bash", "windows/msi.sh", "1.2.3-rc1", stage, second)
	if a, b := read(t, first), read(t, second); !bytes.Equal([]byte(a), []byte(b)) {
		t.Error("two builds differ")
	}
	for table, wants := range map[string][]string{
		"ServiceInstall": {
			"\tm365_connector_exporter\t", "\t16\t2\t1\t", `NT AUTHORITY\LocalService`,
			`--config.file="[CONFIGFOLDER]config.yaml"`,
		},
		"ServiceControl": { // stop and delete; start
			"ServiceStop\tm365_connector_exporter\t162\t\t1\t", "ServiceStart\tm365_connector_exporter\t1\t\t0\t",
		},
		"Registry":  {`EventMessageFile` + "\t" + `#%%SystemRoot%\System32\EventCreate.exe`, "TypesSupported\t#7"},
		"Component": {"Configuration\t{C4D9E5F3-6A1C-4B37-8E44-9D2F7B5A6C33}\tCONFIGFOLDER\t400\t"},
		"Directory": {"INSTALLFOLDER\tProgramFiles64Folder\t", "CONFIGFOLDER\tCommonAppDataFolder\t"},
		"Property":  {"ProductVersion\t1.2.3\n", "ALLUSERS\t1\n", "UpgradeCode\t{7D6B6C0A-5E0B-4E55-9C0E-3F5B1D7A4C11}"},
		"Upgrade":   {"\t1.2.3\t\t1\t\tWIX_UPGRADE_DETECTED"},
	} {
		got := installerTable(t, first, table)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s lacks %q:\n%s", table, want, got)
			}
		}
	}
	run(t, "msiextract", "-C", dir, first)
	config := filepath.Join(dir, "m365_connector_exporter", "config.yaml")
	if read(t, config) != read(t, "windows/config.yaml") {
		t.Error("the installer has another config.yaml")
	}
}

// The configuration that the installer brings has no tenants and no error.
func TestWindowsConfiguration(t *testing.T) {
	t.Parallel()
	run(t, program(t), "--config.check", "--config.file=windows/config.yaml")
}
