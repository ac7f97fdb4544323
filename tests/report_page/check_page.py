#!/usr/bin/env python3
"""Opens a report of ghost-compare in headless Chromium and checks that it works: check_page.py PAGE JSON

JSON is what ghost-compare --json printed beside it. Prints what is wrong, a line each; exit status 1 then. Exit status 77
if Chromium, its driver or Selenium is not installed. --screenshots DIR writes pictures of the page as well.
"""
import argparse
import base64
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

NOT_INSTALLED = 77
DESKTOP, PHONE = (1200, 900), (390, 844)
problems = []


def check(condition, sentence):
    if not condition:
        problems.append(sentence)


class Browser:
    """The page in a fresh window."""

    def __init__(self, page, size=DESKTOP, dark=False, script=True):
        from selenium import webdriver
        from selenium.webdriver.chrome.options import Options
        from selenium.webdriver.chrome.service import Service
        options = Options()
        options.binary_location = shutil.which("chromium")
        self.profile = tempfile.TemporaryDirectory()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                         "--no-first-run", f"--window-size={size[0]},{size[1]}", f"--user-data-dir={self.profile.name}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        if not script:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        self.size = size
        self.media(dark)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE})
        self.url = page.resolve().as_uri()
        self.driver.get(self.url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        self.profile.cleanup()

    def media(self, dark, kind=""):
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": features})

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def evaluate(self, expression):
        """Works with scripts switched off, too: it is the debugger that asks."""
        return self.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": expression, "returnByValue": True})["result"].get(
            "value")

    def complaints(self):
        # Looking at the canvas, as DRAWN does, is what Chromium warns about.
        return [line["message"] for line in self.driver.get_log("browser")
                if line["level"] in ("SEVERE", "WARNING") and "willReadFrequently" not in line["message"]]

    def requests(self):
        urls = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                urls.append(message["params"]["request"]["url"])
        # chrome: is the browser's own first tab.
        return [url for url in urls if url != self.url and not url.startswith(("data:", "chrome:"))]

    def screenshot(self, file):
        height = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["height"]
        picture = self.driver.execute_cdp_cmd("Page.captureScreenshot", {
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": self.size[0], "height": height, "scale": 1}})
        file.write_bytes(base64.b64decode(picture["data"]))


DRAWN = """
return Object.fromEntries([...document.querySelectorAll("figure.chart")].map((figure) => {
  const canvas = figure.querySelector("canvas");
  if (!canvas) return [figure.dataset.chart, null];
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0, ink = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    if (!pixels[i + 3]) continue;
    ++ink;
    sum = (sum * 31 + pixels[i] + 3 * pixels[i + 1] + 7 * pixels[i + 2] + i) % 4294967291;
  }
  return [figure.dataset.chart, { ink, sum }];
}));
"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def check_numbers(browser, report):
    cells = browser.run("""
      return [...document.querySelectorAll("table.summary td[data-key]")].map((td) => [td.dataset.key, td.dataset.value]);""")
    shown = {}
    for key, value in cells:
        shown.setdefault(key, []).append(float(value) if value else None)
    check(len(shown) >= 6, f"the table shows only {sorted(shown)}")
    for key, values in shown.items():
        expected = [c[key]["mean"] if isinstance(c[key], dict) else c[key] for c in report["configurations"]]
        check(values == expected, f"{key} is {values} on the page and {expected} in the JSON")
    rows = browser.run("""
      return [...document.querySelectorAll("table.runs tbody tr")].map((tr) => [tr.dataset.run,
        tr.querySelector('[data-key="accuracy"]').dataset.value]);""")
    expected = [[run["name"], run["accuracy"]] for run in report["runs"]]
    check([[name, float(value)] for name, value in rows] == expected, f"the runs are {rows}, in the JSON {expected}")
    own = browser.run('return JSON.parse(document.getElementById("report-data").textContent).report')
    check(own == report, "the page's own data differ from the JSON")


def check_controls(browser, report):
    last = {"drawn": browser.run(DRAWN)}
    check(set(last["drawn"]) >= {"accuracy", "loss", "lr", "cost", "time"}, f"charts are {sorted(last['drawn'])}")
    for name, picture in last["drawn"].items():
        check(picture and picture["ink"] > 500, f"chart {name} is blank: {picture}")

    def changes(what, script, charts, element="arguments[0]"):
        browser.run(script)
        drawn = browser.run(DRAWN)
        for name in charts:
            check(drawn[name] != last["drawn"][name], f"{what} does not change chart {name}")
        last["drawn"] = drawn

    click = "document.querySelector('{}').click()".format
    for axis in ("step", "seconds", "macs"):
        changes(f"axis {axis}", click(f'input[name="axis"][value="{axis}"]'), ["accuracy", "loss", "lr"])
    changes("training", click('input[name="train"]'), ["accuracy", "loss"])
    changes("training", click('input[name="train"]'), ["accuracy", "loss"])
    changes("smoothing", """const s = document.querySelector('input[name="smoothing"]');
      s.value = 0.9; s.dispatchEvent(new Event("input", { bubbles: true }));""", ["accuracy", "loss"])
    changes("log scale", click('input[name="log"]'), ["loss"])
    run = report["runs"][0]["name"]
    changes("hiding a run", click(f'[data-run="{run}"].run-toggle'), ["accuracy", "loss"])
    pressed = browser.run("return document.querySelector('.run-toggle').getAttribute('aria-pressed')")
    check(pressed == "false", f"a hidden run's button has aria-pressed {pressed}")
    changes("showing it again", click(f'[data-run="{run}"].run-toggle'), ["accuracy", "loss"])
    changes("another cost", click('input[name="cost"][value="macs"]'), ["cost"])
    paper = "return getComputedStyle(document.body).backgroundColor"
    before = browser.run(paper)
    changes("the theme", click("#theme"), ["accuracy", "cost", "time"])
    check(browser.run(paper) != before, "the theme does not change the page")


def check_keyboard(browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    reached = set()
    body = browser.driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    for _ in range(60):
        reached.add(browser.run("""
          const e = document.activeElement; return e.id || e.name || e.className || e.tagName;"""))
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    for wanted in ("theme", "axis", "smoothing", "run-toggle", "CANVAS", "SUMMARY"):
        check(any(wanted.lower() == name.lower() for name in reached), f"Tab never reaches {wanted}, but {sorted(reached)}")
    canvas = browser.driver.find_element(By.CSS_SELECTOR, 'figure[data-chart="accuracy"] canvas')
    before = browser.run(DRAWN)["accuracy"]
    canvas.send_keys(Keys.ARROW_RIGHT)
    check(browser.run(DRAWN)["accuracy"] != before, "the arrow keys show no values")


def check_reload(page):
    """`page` is of a run that is under way; it is made to load itself again soon, and then to be of one that has ended."""
    from selenium.common.exceptions import WebDriverException
    text = page.read_text().replace('content="30"', 'content="1"')
    check('content="1"' in text, "the page of a run under way does not load itself again")

    def put(text):
        page.with_suffix(".new").write_text(text)
        page.with_suffix(".new").replace(page)

    def until(condition):
        for _ in range(100):
            try:
                if condition():
                    return True
            except WebDriverException:  # in the middle of loading
                pass
            time.sleep(0.1)
        return False

    def view():
        return browser.run("""
          return [document.querySelector('input[name="axis"]:checked').value, document.documentElement.dataset.theme,
                  [...document.querySelectorAll("details")].every((e) => e.open), scrollY];""")

    put(text)
    with Browser(page) as browser:
        browser.run("""document.querySelector('input[name="axis"][value="step"]').click();
          document.querySelectorAll("details").forEach((e) => { e.open = true; });
          document.getElementById("theme").click();
          scrollTo(0, 300); window.old = true;""")
        before = view()
        check(before[3] > 0, "the page is too short to be scrolled")
        check(until(lambda: browser.run("return !window.old && document.readyState === 'complete'")), "it is not loaded again")
        check(view() == before, f"what the reader sees changes from {before} to {view()}")
        put("\n".join(line for line in text.splitlines() if 'content="1"' not in line))
        check(until(lambda: browser.run("return !document.querySelector('meta[name=\"reload\"]')")), "it misses the end")
        check(view() == before, f"what the reader sees changes from {before} to {view()} at the end")
        browser.run("window.old = true")
        time.sleep(2)
        check(browser.run("return window.old === true"), "it is loaded again after the end")
        check(not browser.complaints(), "the console of a page under way complains")
    put(text)
    with Browser(page, script=False) as browser:
        put(text.replace("<h1>", "<h1>later ").replace('content="1"', 'content="600"'))
        check(until(lambda: (browser.evaluate('document.querySelector("h1")?.textContent') or "").startswith("later ")),
              "without scripts it is not loaded again")


def check_silence(browser):
    complaints, requests = browser.complaints(), browser.requests()  # each can be asked for once
    check(not complaints, f"the console says {complaints}")
    check(not requests, f"the page asked for {requests}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("json", type=pathlib.Path)
    parser.add_argument("--under-way", type=pathlib.Path, help="a page of a run that is under way, which is changed")
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        import selenium  # noqa: F401
    except ImportError:
        print("python3-selenium is not installed")
        return NOT_INSTALLED
    for program in ("chromium", "chromedriver"):
        if not shutil.which(program):
            print(f"{program} is not installed")
            return NOT_INSTALLED
    os.environ.setdefault("HOME", tempfile.gettempdir())
    report = json.loads(arguments.json.read_text())

    def picture(browser, name):
        if arguments.screenshots:
            arguments.screenshots.mkdir(parents=True, exist_ok=True)
            browser.screenshot(arguments.screenshots / f"{name}.png")

    with Browser(arguments.page) as browser:
        picture(browser, "desktop-light")
        check_numbers(browser, report)
        check_keyboard(browser)
        check_controls(browser, report)
        check(browser.evaluate(OVERFLOW) <= 0, "the page is wider than the window")
        browser.media(False, "print")
        check(browser.evaluate("""[...document.querySelectorAll("figure.chart")].every((f) =>
          f.querySelector("svg").getBoundingClientRect().height > 50 && !f.querySelector("canvas").getClientRects().length)"""),
              "printed charts are not the SVGs")
        check_silence(browser)
    with Browser(arguments.page, PHONE, dark=True) as browser:
        picture(browser, "phone-dark")
        check(browser.evaluate(OVERFLOW) <= 0, "the page is wider than a phone")
        check_silence(browser)
    with Browser(arguments.page, script=False) as browser:
        picture(browser, "desktop-without-script")
        check(not browser.evaluate('document.documentElement.classList.contains("scripted")'), "scripts were not off")
        charts = browser.evaluate('document.querySelectorAll("figure.chart").length')
        standing = browser.evaluate("""[...document.querySelectorAll("figure.chart")].filter((f) =>
          f.querySelector("svg path, svg rect, svg circle") && f.querySelector("svg").getBoundingClientRect().height > 50).length""")
        check(charts >= 5 and standing == charts, f"without scripts {standing} of {charts} charts stand")
    if arguments.under_way:
        check_reload(arguments.under_way)
    if arguments.screenshots:
        with Browser(arguments.page, dark=True) as browser:
            picture(browser, "desktop-dark")
        with Browser(arguments.page, PHONE) as browser:
            picture(browser, "phone-light")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
