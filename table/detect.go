package table

import (
	"bytes"

	"galen.dev/fault"
)

// foreign are formats that clinical data come in and that Galen does not read, with their first bytes.
var foreign = []struct{ magic, name, hint string }{
	{"PK\x03\x04", "a ZIP archive or an Excel workbook", "unpack it, or save the sheet as CSV UTF-8"},
	{"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV UTF-8"},
	{"%PDF", "a PDF document", "export the table as CSV"},
	{"$FL2", "an SPSS file", "export it as CSV"},
	{"<stata_dta>", "a Stata file", "export it as CSV"},
	{"HEADER RECORD*******", "a SAS transport file", "export it as CSV"},
	{"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc2\xea\x81\x60", "a SAS data set", "export it as CSV"},
	{"SQLite format 3", "an SQLite database", "export the table as CSV"},
	{"ARROW1", "an Arrow or Feather file", "write it as Parquet"},
	{"\x89HDF", "an HDF5 file", "export the table as CSV or Parquet"},
	{"\x93NUMPY", "a NumPy array", "export it as CSV with a header"},
	{"BZh", "a bzip2 file", "unpack it, or pack it with gzip or zstd"},
	{"\xfd7zXZ\x00", "an xz file", "unpack it, or pack it with gzip or zstd"},
	{"<!DOCTYPE html", "a web page", "the download gave a page instead of the file"},
	{"<html", "a web page", "the download gave a page instead of the file"},
	{"<?xml", "an XML document", "export the table as CSV"},
}

// detectFormat tells parquet, arff, json and csv apart by the first bytes.
func detectFormat(head []byte, file string) (string, error) {
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return "", fault.WithHint(fault.Errorf(fault.Data, "%s is %s", quoted(file), f.name), "%s", f.hint)
		}
	}
	if bytes.HasPrefix(head, []byte("PAR1")) {
		return "parquet", nil
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(text) > 0 {
		next := bytes.TrimLeft(text[1:], " \t\r\n")
		switch {
		case text[0] == '{' && (len(next) == 0 || next[0] == '"' || next[0] == '}'):
			return "json", nil
		case text[0] == '[' && (len(next) == 0 || next[0] == '{' || next[0] == ']'):
			return "json", nil
		}
	}
	if isARFF(text) {
		return "arff", nil
	}
	return "csv", nil
}

// isARFF skips comments and looks for the first declaration.
func isARFF(text []byte) bool {
	for len(text) > 0 {
		if text[0] != '%' {
			return hasFoldPrefix(text, "@relation") || hasFoldPrefix(text, "@attribute")
		}
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			// Comments fill the head: CSV files do not begin with a percent sign for so long.
			return len(text) > headSize/2
		}
		text = bytes.TrimLeft(text[i+1:], " \t\r\n")
	}
	return false
}

func hasFoldPrefix(b []byte, word string) bool {
	return len(b) >= len(word) && foldEqual(b[:len(word)], word)
}
