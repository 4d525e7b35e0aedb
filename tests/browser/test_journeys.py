"""What people do, from the first page to the last figure, by mouse, by keyboard and in the wrong."""

from __future__ import annotations

import itertools
import json
import subprocess
import time

from selenium.webdriver.common.keys import Keys

from tests.browser.demo import OPERATOR, OWNER, PASSWORD, USER, ask
from tests.browser.pages import DESKTOP, PHONE, THEMES
from tests.shared import program
from tornadogw.accounts.two_factor import code_at

NUMBERS = itertools.count(1)


def registered(site, browser) -> str:
    """Somebody new, at the console: the link came by mail."""
    email = f"new{next(NUMBERS)}@example.com"
    browser.go("/register?lang=en")
    browser.fill(email=email, password=PASSWORD, password_again=PASSWORD)
    browser.press("main form .button")
    browser.says("Check your mail")
    browser.go(site.link(email))
    browser.fill(password=PASSWORD)
    browser.press("main form .button")
    assert browser.path == "/console"
    return email


def key_made(browser) -> str:
    """The curl line of a new key, as the button copies it."""
    browser.go("/console/keys")
    browser.fill(label="first")
    browser.press("main form .button")
    browser.find("#curl")
    copy = browser.all(".sample .copy")[-1]
    copy.click()
    browser.until(lambda: copy.text == "Copied")
    return browser.clipboard()


def asked(line: str) -> tuple[int, dict]:
    """Status and JSON of the line, run by a shell."""
    command = [program("bash"), "-c", f"{line} -sS -w '\\n%{{http_code}}'"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    text, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(text)


def credited(browser, email: str) -> None:
    """By an operator, who finds the account first."""
    browser.log_in(OPERATOR)
    browser.go(f"/admin/users?q={email}")
    browser.press("main tbody th a")
    browser.fill(amount="5", reason="welcome")
    browser.press('button[value="credit"]')
    browser.says("Done. The amount was booked.")


def test_from_the_first_page_to_a_refused_key(site, browser) -> None:
    browser.go("/?lang=en")
    browser.press('header a[href="/register"]')
    email = registered(site, browser)
    browser.says("No calls yet.")
    line = key_made(browser)
    assert asked(line)[0] == 402
    credited(browser, email)
    status, answer = asked(line)
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "Hello")

    browser.log_in(email)
    browser.until(lambda: browser.go("/console") or browser.all(".chart rect"))
    assert "deepseek-chat" in browser.text

    browser.log_in(OPERATOR)
    browser.go(f"/admin/users?q={email}")
    browser.press("main tbody th a")
    assert browser.all('a[href^="/admin/calls/"]')
    browser.find('button[value="key_disable"]').click()
    browser.driver.switch_to.alert.accept()
    browser.until(lambda: browser.all('button[value="key_enable"]'))
    browser.until(lambda: asked(line)[0] == 401)


def test_a_second_factor_is_set_up_and_its_recovery_codes_open_the_account(site, browser) -> None:
    browser.go("/?lang=en")
    email = registered(site, browser)
    browser.go("/console/account")
    browser.fill(**{"#factor_password": PASSWORD})
    browser.press("#factor_password ~ .button")
    assert browser.find(".qr").is_displayed()
    browser.fill(code=code_at(browser.find("ol code").text, time.time()))
    browser.press("#code ~ .button")
    browser.says("shown only once")
    for theme, width in itertools.product(THEMES, (DESKTOP, PHONE)):
        browser.look(theme=theme, width=width)
        assert browser.axe() == []
        assert browser.too_wide() == []
    browser.look()
    codes = browser.find("pre code").text.split()
    assert len(set(codes)) == len(codes) > 5
    browser.press("header form button")

    browser.go("/login")
    browser.fill(email=email, password=PASSWORD)
    browser.press("main form .button")
    assert browser.path == "/login/code"
    browser.fill(code=codes[0])
    browser.press("main form .button")
    assert browser.path == "/console"
    browser.go("/console/account")
    browser.says(f"Recovery codes left: {len(codes) - 1}.")


COUNTED = """
const fetched = window.fetch;
window.polls = 0;
window.fetch = (...given) => fetched(...given).finally(() => { window.polls += 1; });
"""


def test_what_operators_watch_renews_itself(site, browser) -> None:
    browser.log_in(OPERATOR)
    browser.go("/admin?lang=en")
    browser.run(COUNTED)

    def figure() -> int:
        return int(browser.run("return document.querySelector('#now dd').textContent"))

    before = figure()
    ask(site.url, site.key_text, "How many requests were there today?")
    browser.until(lambda: figure() == before + 1)
    browser.run("document.querySelector('#now a').focus()")
    ask(site.url, site.key_text, "And now?")
    polls = browser.run("return window.polls")
    browser.until(lambda: browser.run("return window.polls") >= polls + 2)
    assert figure() == before + 1, "nothing is taken away under somebody's hands"
    browser.run("document.activeElement.blur()")
    browser.until(lambda: figure() == before + 2)


def test_what_is_not_ours_is_refused(site, browser) -> None:
    browser.log_in(USER)
    fetch = "return (await fetch(...given)).status"
    key = site.path("/console/keys/{key}")
    form = {"method": "POST", "body": "act=disable", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    assert browser.wait_for(fetch, key, form) == 403  # no XSRF token
    for path in ("/admin", "/admin/users", "/admin/settings", site.path("/admin/users/{user}")):
        assert browser.wait_for(fetch, path) == 403, path
    browser.log_in(OPERATOR)
    assert browser.wait_for(fetch, key) == 404  # somebody else's
    assert browser.wait_for(fetch, site.path("/console/calls/{call}")) == 404
    refused = browser.console()
    assert refused
    assert all("403" in each or "404" in each for each in refused), refused


def test_log_in_by_keyboard_and_out_on_a_phone_in_chinese(site, browser) -> None:
    browser.look(width=PHONE)
    browser.go("/login?lang=zh")
    browser.run("document.querySelector('.skip').focus()")
    reached = []
    for _ in range(30):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        name = browser.run("return document.activeElement.name || document.activeElement.className")
        reached.append(name)
        if name in ("email", "password"):
            browser.driver.switch_to.active_element.send_keys({"email": USER, "password": PASSWORD}[name])
        if name == "password":
            break
    assert {"brand", "email"} <= set(reached), reached
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.until(lambda: browser.path == "/console")
    browser.says("余额")
    assert browser.too_wide() == []
    browser.press("header form button")
    assert browser.path == "/"
    browser.says("退出")


def test_the_playground_streams_thinks_and_stops(site, browser) -> None:
    browser.log_in(USER)
    browser.go("/console/playground")
    browser.find("#said").send_keys("think: so it is", Keys.ENTER, "an answer")
    browser.find("#send").click()
    browser.until(lambda: browser.all(".turn .cost"))
    assert "so it is" in browser.find(".thoughts").text
    assert browser.find(".turn .text").text == "an answer"
    browser.find("#said").send_keys("echo:slow 500", Keys.ENTER, " ".join(["word"] * 400))
    browser.find("#send").click()
    browser.until(lambda: len(browser.all(".turn .text")) == 2)
    browser.find("#stop").click()
    browser.says("stopped")
    assert not browser.find("#stop").is_displayed()


def test_an_owner_adds_an_upstream_tests_it_and_sees_a_user_use_it(site, browser) -> None:
    browser.log_in(OWNER)
    browser.go("/admin/upstreams/new")
    browser.fill(name="tokyo", vendor="echo", max_in_flight="5")
    browser.press("main form .button")
    browser.says("Saved; every process applies it within two seconds.")
    browser.go("/admin/models/new")
    browser.fill(name="fresh", price_input="1", price_output="2", route0_upstream="tokyo", route0_model="fresh")
    browser.press("main form .button")
    assert browser.path == "/admin/models/fresh"
    browser.go("/admin/upstreams/tokyo")
    browser.press("main form.filters .button")
    browser.says("works")
    browser.go("/admin/route?model=fresh")
    browser.says("It would go to tokyo as fresh.")

    browser.log_in(USER)
    browser.until(lambda: browser.go("/console/playground") or browser.all('#model option[value="fresh"]'))
    browser.fill(model="fresh", said="hello")
    browser.find("#send").click()
    browser.until(lambda: browser.all(".turn .cost"))

    browser.log_in(OWNER)
    browser.go("/admin/calls?model=fresh")
    assert "tokyo" in browser.find("main tbody").text
    browser.go("/admin/models/fresh")
    browser.find('button[data-confirm^="Remove fresh"]').click()
    browser.driver.switch_to.alert.accept()
    browser.says("It was removed.")


def test_samples_are_copied_where_there_is_no_tls(browser) -> None:
    browser.go("/docs?lang=en")
    browser.run("Object.defineProperty(navigator, 'clipboard', {value: undefined})")  # as on every page by plain HTTP
    copy = browser.all(".sample .copy")[0]
    copy.click()
    browser.until(lambda: copy.text == "Copied")
    browser.go("/docs")
    assert browser.clipboard().startswith("curl http")
