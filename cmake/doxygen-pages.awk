# Markdown as Doxygen 1.9.4 reads it, which knows no links to the headings of a page.

# [text](#heading) → text, and (page.md#heading) → (page.md). The two pages that are not part of the reference are not
# linked either.
function without_headings(line,   open) {
  gsub(/\.md#[^) ]*\)/, ".md)", line)
  gsub(/\]\(#[^)]*\)/, "](#)", line)
  gsub(/\]\([^)]*(CONTRIBUTING|CHANGELOG)\.md\)/, "](#)", line)
  while ((open = match(line, /\[[^]\[]*\]\(#\)/)) > 0)
    line = substr(line, 1, open - 1) substr(line, open + 1, RLENGTH - 5) substr(line, open + RLENGTH)
  return line
}

{ print without_headings($0) }
