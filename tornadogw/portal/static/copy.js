// A button beside each sample that copies it. Without JavaScript the samples can still be selected.
const words = document.currentScript.dataset;

// What is wider than the screen is scrolled by keyboard, too.
for (const text of document.querySelectorAll('pre')) text.tabIndex = 0;

for (const sample of document.querySelectorAll('pre[data-copy]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = words.copy;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(sample.querySelector('code').textContent);
    button.textContent = words.copied;
    setTimeout(() => { button.textContent = words.copy; }, 2000);
  });
  const frame = document.createElement('div');
  frame.className = 'sample';
  sample.replaceWith(frame);
  frame.append(sample, button);
}
