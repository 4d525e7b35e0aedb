// What changes by itself is read again every few seconds while somebody looks: the parts that are marked with data-live.
"use strict";
const EVERY = 5000;

/** Puts what the page says now in the place of what it said, but where somebody is about to press a button. */
async function renew() {
  const response = await fetch(location.href, {headers: {Accept: "text/html"}});
  if (!response.ok || response.redirected) return; // logged out, or the gateway is about to stop: what stands here stays
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = page.getElementById(part.id);
    if (now && now.textContent !== part.textContent && !part.contains(document.activeElement)) part.replaceWith(document.adoptNode(now));
  }
}

async function again() {
  if (!document.hidden) await renew().catch(() => {}); // the network is away: the next time
  setTimeout(again, EVERY);
}
if (document.querySelector("[data-live]")) setTimeout(again, EVERY);
