"""The page of jug webstatus in a real browser, while real workers work."""

import os
import shutil
import signal

import pytest

from tests.support.web import WebStatus, finish

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"

# How long to wait for what is bound to happen, on a machine that has other things to do.
PATIENCE = 90


@pytest.fixture(scope="module")
def browser():
    """A Chromium without a window. Selenium would download one if it did not get the paths of both parts."""
    webdriver = pytest.importorskip("selenium.webdriver")
    if not shutil.which(CHROMIUM) or not shutil.which(DRIVER):
        pytest.skip("needs Chromium and its driver (Debian: chromium and chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    yield driver
    driver.quit()


class Page:
    """What a reader of the page sees, each part asked for in one go: rows come and go."""

    def __init__(self, browser, url):
        self.browser = browser
        browser.get_log("browser")
        browser.get(url)
        self.run("window.loadedOnce = true")

    def run(self, script, *args):
        return self.browser.execute_script(script, *args)

    def text(self, selector):
        script = (
            "const it = document.querySelector(arguments[0]); return it?.checkVisibility() && it.innerText"
        )
        return (self.run(script, selector) or "").strip()

    def table(self, selector):
        """The visible texts of the cells of a table's body, by row."""
        return self.run(
            "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map("
            "row => [...row.cells].map(cell => cell.innerText.trim()))",
            selector,
        )

    def task(self, name):
        """The five numbers of a name."""
        return next(
            (list(map(int, cells[:5])) for first, *cells in self.table("#tasks") if first == name), None
        )

    def until(self, condition):
        from selenium.webdriver.support.ui import WebDriverWait

        try:
            return WebDriverWait(self.browser, PATIENCE, 0.05).until(lambda _: condition())
        except Exception:
            raise AssertionError(f"it never happened; the page shows:\n{self.text('body')}") from None

    def was_never_loaded_again(self):
        return self.run("return window.loadedOnce === true")

    def complaints(self):
        """What the browser says of the page itself: errors in scripts, and what the policy forbade."""
        messages = [entry["message"] for entry in self.browser.get_log("browser")]
        return [message for message in messages if "ERR_CONNECTION" not in message]


STEPS = """
    import os
    import time
    from jug import TaskGenerator

    @TaskGenerator
    def step(n):
        while not os.path.exists(f"go{n}") and not os.path.exists("go"):
            time.sleep(0.005)
        return n

    @TaskGenerator
    def total(xs):
        return sum(xs)

    total([step(n) for n in range(4)])
"""


def test_the_page_follows_two_workers_to_the_end(jug, browser):
    jug.write(STEPS)
    with WebStatus(jug) as web:
        page = Page(browser, web.url)
        page.until(lambda: page.task("jugfile.step") == [0, 0, 4, 0, 0])
        assert page.text("#percent") == "0 %"
        assert "unknown (no worker runs)" in page.text("#left")
        assert page.text("#workers .empty").startswith("Nobody works on it")

        workers = [jug.start("execute") for _ in range(2)]
        page.until(lambda: page.task("jugfile.step") == [0, 0, 2, 0, 2])
        page.until(lambda: len(page.table("#workers")) == 2)
        running = page.table("#workers")
        assert {f"pid {worker.pid}" for worker in workers} == {cells[0].split(", ")[1] for cells in running}
        page.until(lambda: all(runs.startswith("jugfile.step(") for _, _, runs, _ in page.table("#workers")))
        assert all(time.endswith((" s", " min")) for *_, time in page.table("#workers"))
        assert "unknown (no task of the kinds that are left has finished yet)" in page.text("#left")

        # The one that is killed goes, and its task is ready at once or with the other one.
        workers[0].send_signal(signal.SIGKILL)
        finish(workers[0])
        page.until(lambda: len(page.table("#workers")) == 1)
        assert f"pid {workers[1].pid}" in page.table("#workers")[0][0]
        page.until(lambda: page.task("jugfile.step") == [0, 0, 3, 0, 1])

        (number,) = [n for n in range(4) if f"step({n})" in page.table("#workers")[0][2]]
        (jug.folder / f"go{number}").touch()
        page.until(lambda: page.task("jugfile.step") == [0, 0, 2, 1, 1])
        assert page.text("#percent") == "20 %"
        page.until(lambda: "more than" in page.text("#left"))

        (jug.folder / "go").touch()
        page.until(lambda: page.text("#percent") == "100 %")
        assert page.text("#left") == "All tasks are complete."
        assert page.task("jugfile.total") == [0, 0, 0, 1, 0]
        assert page.text("#tasks tfoot").split() == ["Total", "0", "0", "0", "5", "0"]
        assert browser.title == "100 % · jugfile.py"
        finish(workers[1])
        page.until(lambda: page.table("#workers") == [])
        assert page.was_never_loaded_again()
        assert page.complaints() == []


NASTY = """
    from jug import TaskGenerator, Task

    @TaskGenerator
    def fail(what):
        raise ValueError("</pre><script>document.title='owned'</script>" + what)

    t = fail("<img src=x onerror=document.title=1>")
    u = fail("other")
    u.name = "<b onclick=alert(1)>jug</b>"
"""


def test_failures_are_shown_as_text_whatever_is_in_them(jug, browser):
    jug.write(NASTY)
    with WebStatus(jug) as web:
        page = Page(browser, web.url)
        page.until(lambda: page.text("#tasks .count") == "2 names")
        assert page.text("#failures") == ""
        finish(jug.start("execute", "--keep-going", "--keep-failed"))
        page.until(lambda: page.run("return document.querySelectorAll('#failures li').length") == 2)
        page.run("document.querySelectorAll('#failures details').forEach(it => { it.open = true })")
        shown = page.text("#failures")
        assert "jugfile.fail('<img src=x onerror=document.title=1>')" in shown
        assert "<b onclick=alert(1)>jug</b>" in shown
        assert "Traceback (most recent call last):" in shown
        assert "</pre><script>document.title='owned'</script>" in shown
        assert "kept as failed" in shown
        assert f"on {os.uname().nodename}" in shown
        assert "attempt 1" in shown
        assert page.text("#failures .kinds") == "By kind: 2 exception."
        assert shown.count("exception · ") == 2
        assert (
            page.run("return document.querySelectorAll('#failures script, #failures img, main b').length")
            == 0
        )
        assert page.task("jugfile.fail") == [1, 0, 0, 0, 0]
        assert browser.title == "0 % · jugfile.py"
        # What is open stays open when there is more to show.
        jug("cleanup", "--failed-only")
        page.until(lambda: page.text("#failures") == "")
        assert page.complaints() == []


def test_the_page_says_that_the_server_is_gone_and_finds_it_again(pipeline, browser):
    with WebStatus(pipeline) as web:
        page = Page(browser, web.url)
        page.until(lambda: page.text("#connection") == "live")
        assert page.text("#percent") == "0 %"
        assert web.interrupt()[0] == 130
        page.until(lambda: page.text("#connection") == "no answer, trying again")
    pipeline("execute")
    with WebStatus(pipeline, port=web.port):
        page.until(lambda: page.text("#percent") == "100 %")
        assert page.text("#connection") == "live"
        assert page.was_never_loaded_again()
        assert page.complaints() == []


MANY = """
    from jug import Task

    def f(n):
        return n

    for n in range({tasks}):
        t = Task(f, n)
        t.name = f"stage{{n % {names}:03d}}"
"""


def test_two_hundred_names_can_be_filtered(jug, browser):
    jug.write(MANY.format(tasks=20000, names=200))
    with WebStatus(jug) as web:
        page = Page(browser, web.url)
        page.until(lambda: len(page.table("#tasks")) == 200)
        assert page.task("stage007") == [0, 0, 100, 0, 0]
        browser.find_element("id", "filter").send_keys("GE19")
        page.until(lambda: [cells[0] for cells in page.table("#tasks")] == [f"stage19{n}" for n in range(10)])
        assert "10 of 200 names match" in page.text("#tasks .rest")
        finish(jug.start("execute"))
        page.until(lambda: page.task("stage190") == [0, 0, 0, 100, 0])
        assert len(page.table("#tasks")) == 10


def test_too_many_names_are_summed_up(jug, browser):
    jug.write(MANY.format(tasks=1500, names=1500))
    with WebStatus(jug) as web:
        page = Page(browser, web.url)
        page.until(lambda: len(page.table("#tasks")) == 1000)
        assert "500 other names are in the total only" in page.text("#tasks .rest")
        assert page.text("#tasks tfoot").split()[3] == "1,500"


@pytest.mark.parametrize("width", [320, 1200])
def test_nothing_is_wider_than_the_screen(failing, browser, width):
    failing("execute", "--keep-going", "--keep-failed")
    with WebStatus(failing) as web:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        try:
            page = Page(browser, web.url)
            page.until(lambda: page.run("return document.querySelectorAll('#failures li').length") == 2)
            page.run("document.querySelectorAll('details').forEach(it => { it.open = true })")
            assert page.run("return document.documentElement.scrollWidth") <= width
        finally:
            browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
