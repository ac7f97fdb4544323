#include "data/same_name.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <string_view>

#include "core/quoted.h"

namespace ghost {
namespace {

// Letters that Unicode has both as one character and as a letter with a mark behind it. bases[i] with the mark is
// composed[i].
struct Mark {
  char32_t mark;
  std::u32string_view bases, composed;
};
constexpr Mark kMarks[] = {
    {U'\x0300', U"AEIOUaeiouÜüNnЕИеиĒēŌōWwÂâĂăÊêÔôƠơƯưYy", U"ÀÈÌÒÙàèìòùǛǜǸǹЀЍѐѝḔḕṐṑẀẁẦầẰằỀềỒồỜờỪừỲỳ"},
    {U'\x0301', U"AEIOUYaeiouyCcLlNnRrSsZzÜüGgÅåÆæØø¨ΑΕΗΙΟΥΩϊαεηιϋουωϒГКгкÇçĒēÏïKkMmÕõŌōPpŨũWwÂâĂăÊêÔôƠơƯư",
     U"ÁÉÍÓÚÝáéíóúýĆćĹĺŃńŔŕŚśŹźǗǘǴǵǺǻǼǽǾǿ΅ΆΈΉΊΌΎΏΐάέήίΰόύώϓЃЌѓќḈḉḖḗḮḯḰḱḾḿṌṍṒṓṔṕṸṹẂẃẤấẮắẾếỐốỚớỨứ"},
    {U'\x0302', U"AEIOUaeiouCcGgHhJjSsWwYyZzẠạẸẹỌọ", U"ÂÊÎÔÛâêîôûĈĉĜĝĤĥĴĵŜŝŴŵŶŷẐẑẬậỆệỘộ"},
    {U'\x0303', U"ANOanoIiUuVvÂâĂăEeÊêÔôƠơƯưYy", U"ÃÑÕãñõĨĩŨũṼṽẪẫẴẵẼẽỄễỖỗỠỡỮữỸỹ"},
    {U'\x0304', U"AaEeIiOoUuÜüÄäȦȧÆæǪǫÖöÕõȮȯYyИиУуGgḶḷṚṛ", U"ĀāĒēĪīŌōŪūǕǖǞǟǠǡǢǣǬǭȪȫȬȭȰȱȲȳӢӣӮӯḠḡḸḹṜṝ"},
    {U'\x0306', U"AaEeGgIiOoUuУИиуЖжАаЕеȨȩẠạ", U"ĂăĔĕĞğĬĭŎŏŬŭЎЙйўӁӂӐӑӖӗḜḝẶặ"},
    {U'\x0307', U"CcEeGgIZzAaOoBbDdFfHhMmNnPpRrSsŚśŠšṢṣTtWwXxYyſ", U"ĊċĖėĠġİŻżȦȧȮȯḂḃḊḋḞḟḢḣṀṁṄṅṖṗṘṙṠṡṤṥṦṧṨṩṪṫẆẇẊẋẎẏẛ"},
    {U'\x0308', U"AEIOUaeiouyYΙΥιυϒЕІеіАаӘәЖжЗзИиОоӨөЭэУуЧчЫыHhÕõŪūWwXxt",
     U"ÄËÏÖÜäëïöüÿŸΪΫϊϋϔЁЇёїӒӓӚӛӜӝӞӟӤӥӦӧӪӫӬӭӰӱӴӵӸӹḦḧṎṏṺṻẄẅẌẍẗ"},
    {U'\x0309', U"AaÂâĂăEeÊêIiOoÔôƠơUuƯưYy", U"ẢảẨẩẲẳẺẻỂểỈỉỎỏỔổỞởỦủỬửỶỷ"},
    {U'\x030A', U"AaUuwy", U"ÅåŮůẘẙ"},
    {U'\x030B', U"OoUuУу", U"ŐőŰűӲӳ"},
    {U'\x030C', U"CcDdEeLlNnRrSsTtZzAaIiOoUuÜüGgKkƷʒjHh", U"ČčĎďĚěĽľŇňŘřŠšŤťŽžǍǎǏǐǑǒǓǔǙǚǦǧǨǩǮǯǰȞȟ"},
    {U'\x030F', U"AaEeIiOoRrUuѴѵ", U"ȀȁȄȅȈȉȌȍȐȑȔȕѶѷ"},
    {U'\x0311', U"AaEeIiOoRrUu", U"ȂȃȆȇȊȋȎȏȒȓȖȗ"},
    {U'\x031B', U"OoUu", U"ƠơƯư"},
    {U'\x0323', U"BbDdHhKkLlMmNnRrSsTtVvWwZzAaEeIiOoƠơUuƯưYy", U"ḄḅḌḍḤḥḲḳḶḷṂṃṆṇṚṛṢṣṬṭṾṿẈẉẒẓẠạẸẹỊịỌọỢợỤụỰựỴỵ"},
    {U'\x0324', U"Uu", U"Ṳṳ"},
    {U'\x0325', U"Aa", U"Ḁḁ"},
    {U'\x0326', U"SsTt", U"ȘșȚț"},
    {U'\x0327', U"CcGgKkLlNnRrSsTtEeDdHh", U"ÇçĢģĶķĻļŅņŖŗŞşŢţȨȩḐḑḨḩ"},
    {U'\x0328', U"AaEeIiUuOo", U"ĄąĘęĮįŲųǪǫ"},
    {U'\x032D', U"DdEeLlNnTtUu", U"ḒḓḘḙḼḽṊṋṰṱṶṷ"},
    {U'\x032E', U"Hh", U"Ḫḫ"},
    {U'\x0330', U"EeIiUu", U"ḚḛḬḭṴṵ"},
    {U'\x0331', U"BbDdKkLlNnRrTtZzh", U"ḆḇḎḏḴḵḺḻṈṉṞṟṮṯẔẕẖ"},
    {U'\x3099', U"かきくけこさしすせそたちつてとはひふへほうゝカキクケコサシスセソタチツテトハヒフヘホウワヰヱヲヽ",
     U"がぎぐげござじずぜぞだぢづでどばびぶべぼゔゞガギグゲゴザジズゼゾダヂヅデドバビブベボヴヷヸヹヺヾ"},
    {U'\x309A', U"はひふへほハヒフヘホ", U"ぱぴぷぺぽパピプペポ"},
};

const std::map<char32_t, std::u32string>& decompositions() {
  static const std::map<char32_t, std::u32string> all = [] {
    std::map<char32_t, std::u32string> table;
    for (const Mark& one : kMarks)
      for (size_t i = 0; i < one.composed.size(); i++) table[one.composed[i]] = {one.bases[i], one.mark};
    return table;
  }();
  return all;
}

void append_decomposed(char32_t c, std::u32string& to) {
  // A Hangul syllable is a number made of those of its two or three letters (The Unicode Standard, 3.12).
  constexpr char32_t kFirst = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11A7, kOfVowel = 28;
  constexpr char32_t kOfLead = 21 * kOfVowel, kSyllables = 19 * kOfLead;
  if (c >= kFirst && c < kFirst + kSyllables) {
    const char32_t number = c - kFirst;
    to.push_back(kLeads + number / kOfLead);
    to.push_back(kVowels + number % kOfLead / kOfVowel);
    if (number % kOfVowel != 0) to.push_back(kTails + number % kOfVowel);
    return;
  }
  const auto found = decompositions().find(c);
  if (found == decompositions().end()) {
    to += c;
    return;
  }
  append_decomposed(found->second[0], to);
  to += found->second[1];
}

bool is_invisible(char32_t c) { return c < 0x20 || c == 0x7F || (c >= 0x200B && c <= 0x200F) || c == 0xFEFF; }
bool is_blank(char32_t c) { return c == ' ' || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x3000; }

std::u32string without_blanks_around(std::u32string text) {
  std::erase_if(text, is_invisible);
  while (!text.empty() && is_blank(text.back())) text.pop_back();
  while (!text.empty() && is_blank(text.front())) text.erase(0, 1);
  return text;
}

std::u32string characters(const std::string& utf8) {
  std::u32string all;
  for (const char byte : utf8) {
    const auto bits = static_cast<unsigned char>(byte);
    if ((bits & 0xC0) == 0x80 && !all.empty())
      all.back() = all.back() << 6 | (bits & 0x3FU);
    else
      all.push_back(bits < 0x80 ? bits : bits & (bits < 0xE0 ? 0x1FU : bits < 0xF0 ? 0x0FU : 0x07U));
  }
  return all;
}

std::string pair_sentence(const std::string& a, const std::string& b) {
  const bool blanks = without_blanks_around(characters(a)) == without_blanks_around(characters(b));
  return fmt::format("{} and {} differ in {} only", quoted(a), quoted(b),
                     blanks ? "blanks or invisible characters" : "how Unicode writes their letters");
}

}  // namespace

std::u32string as_it_looks(const std::string& name) {
  std::u32string apart;
  for (const char32_t c : without_blanks_around(characters(name))) append_decomposed(c, apart);
  return apart;
}

std::vector<std::string> names_that_look_the_same(const std::vector<std::string>& names) {
  std::vector<std::string> sentences;
  std::map<std::u32string, std::string> seen;
  for (const std::string& name : names) {
    const auto [first, is_new] = seen.emplace(as_it_looks(name), name);
    if (!is_new) sentences.push_back(pair_sentence(first->second, name));
  }
  return sentences;
}

std::vector<std::string> names_that_look_the_same(const std::vector<std::string>& a,
                                                  const std::vector<std::string>& b) {
  std::vector<std::string> sentences;
  std::map<std::u32string, std::string> looks;
  for (const std::string& name : a) looks.emplace(as_it_looks(name), name);
  for (const std::string& name : b) {
    const auto found = looks.find(as_it_looks(name));
    if (found != looks.end() && found->second != name) sentences.push_back(pair_sentence(found->second, name));
  }
  return sentences;
}

}  // namespace ghost
