// Forms that ask before what cannot be undone, that are sent once, and that say so while an answer takes its time.
"use strict";
const working = document.currentScript.dataset.working;
document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = (event.submitter && event.submitter.dataset.confirm) || form.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    return;
  }
  if (form.method === "post" && !form.dataset.stays) {
    // later: a button that is disabled now would not be sent
    window.setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
    window.setTimeout(() => {
      const note = document.createElement("p");
      note.className = "hint working";
      note.setAttribute("role", "status");
      note.textContent = working;
      form.append(note);
    }, 500);
  }
});
// A menu that is wider than the screen begins where one is.
const menu = document.querySelector(".menu");
const here = menu && menu.querySelector("[aria-current]");
if (here) menu.scrollLeft = here.offsetLeft - (menu.clientWidth - here.offsetWidth) / 2;
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.querySelectorAll("form button").forEach((button) => { button.disabled = false; });
  document.querySelectorAll(".working").forEach((note) => note.remove());
});
