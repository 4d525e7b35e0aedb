// Forms that ask before what cannot be undone, and that are sent once.
"use strict";
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
  }
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("form button").forEach((button) => { button.disabled = false; });
});
