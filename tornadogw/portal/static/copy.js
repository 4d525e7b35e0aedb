// A button beside each sample that copies it. Without JavaScript the samples can still be selected.
const words = document.currentScript.dataset;

// What is wider than the screen is scrolled by keyboard, too.
for (const text of document.querySelectorAll('pre')) text.tabIndex = 0;

/** Browsers have no clipboard for pages without TLS: there what is selected is copied, and stays selected. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text.textContent);
  getSelection().selectAllChildren(text);
  if (!document.execCommand('copy')) throw new Error('this browser copies nothing');
}

for (const sample of document.querySelectorAll('pre[data-copy]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = words.copy;
  button.addEventListener('click', async () => {
    await copy(sample.querySelector('code'));
    button.textContent = words.copied;
    setTimeout(() => { button.textContent = words.copy; }, 2000);
  });
  const frame = document.createElement('div');
  frame.className = 'sample';
  sample.replaceWith(frame);
  frame.append(sample, button);
}
