# Turns this project's plain comments into those that Doxygen reads: of a header, to standard output. The comment before
# a declaration becomes ///, what stands behind one, and the lines below it that go on, becomes ///<, and the first
# comment of a file is about the file.

# Escapes what Doxygen or HTML would take for more than text. `code` stays as it is.
function words(text,   parts, i, n, result) {
  n = split(text, parts, "`")
  result = ""
  for (i = 1; i <= n; ++i) {
    if (i % 2 == 1 || i == n) gsub(/[\\@<>#%&"$|]/, "\\\\&", parts[i])
    result = result (i > 1 ? "`" : "") parts[i]
  }
  return result
}

# Where a comment begins, leaving alone // in a string such as "https://"; 0 if there is none.
function comment(line,   i, c, quote) {
  quote = ""
  for (i = 1; i <= length(line); ++i) {
    c = substr(line, i, 1)
    if (quote != "") {
      if (c == "\\") ++i
      else if (c == quote) quote = ""
    } else if (c == "\"") {
      quote = c
    } else if (c == "'" && substr(line, i - 1, 1) !~ /[0-9]/) {
      quote = c
    } else if (c == "/" && substr(line, i + 1, 1) == "/") {
      return i
    }
  }
  return 0
}

BEGIN { first = 1; trailing = 0 }
{
  at = comment($0)
  before = substr($0, 1, at - 1)
  text = substr($0, at + 2)
  sub(/^ +/, "", text)
  sub(/ *NOLINT(NEXTLINE)?\([^)]*\):? */, "", text)
  alone = before ~ /^ *$/
  if (at == 0) {
    print
    first = 0
    trailing = 0
  } else if (alone && first) {
    print (FNR == 1 ? "/// @file\n" : "") "/// " words(text)
  } else if (alone && trailing == at) {
    print before "///< " words(text)  # goes on below what it began beside
  } else if (alone) {
    print before "/// " words(text)
    trailing = 0
  } else if (before ~ /[;,}{]|^ *[a-zA-Z_:]+ *$/ && before !~ /^[}# ]*(namespace|include|pragma|endif)?[} ]*$/) {
    # Behind an opening brace it is about what is opened: no place for Doxygen's "<".
    if (before ~ /\{ *$/) print before
    else { print before "///< " words(text); trailing = at }
  } else {
    print before
  }
}
