# Markdown as Doxygen 1.9.4 reads it: it knows no links to the headings of a page, no small print over several lines and
# no link whose text does not end on its line. It takes a quote in `code` for the end of it, unless it stands in
# ``double marks``.
{ page = page $0 "\n" }

END {
  gsub(/<\/?sub>/, "", page)
  gsub(/\.md#[^) \n]*\)/, ".md)", page)
  gsub(/\]\(#[^)\n]*\)/, "](#)", page)
  while (match(page, /\[[^]\[]*\]\(#\)/) > 0)
    page = substr(page, 1, RSTART - 1) substr(page, RSTART + 1, RLENGTH - 5) substr(page, RSTART + RLENGTH)
  while (match(page, /\[[^]\[\n]*\n[^]\[]*\]\(/) > 0) {
    link = substr(page, RSTART, RLENGTH)
    gsub(/\n/, " ", link)
    page = substr(page, 1, RSTART - 1) link substr(page, RSTART + RLENGTH)
  }
  while (match(page, /`[^`\n]+`/) > 0) {
    code = substr(page, RSTART, RLENGTH)
    printf "%s%s", substr(page, 1, RSTART - 1), code ~ /'/ ? "`" code "`" : code
    page = substr(page, RSTART + RLENGTH)
  }
  printf "%s", page
}
