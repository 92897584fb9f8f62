# A repository of git: commits, a merge, packing, a clone, and a check of it all.
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' HOME="$PWD" GIT_CONFIG_NOSYSTEM=1
git config --global user.name me && git config --global user.email me@example.org && git config --global init.defaultBranch main
git init -q one && cd one || exit
i=0
while [ $i -lt "$1" ]; do seq $i 500 >f$((i % 7)); git add . && git commit -q -m "commit $i"; i=$((i + 1)); done
git checkout -q -b side HEAD~2 && echo side >side && git add side && git commit -q -m side
git checkout -q main && git merge -q -m merge side; git log --oneline --graph | cat
git gc -q --prune=now && git count-objects -v | grep -e count -e in-pack
git repack -q -a -d -f --depth=50 && git fsck --full --strict 2>&1
cd .. && git clone -q file://"$PWD"/one two && git -C two fsck && git -C two log -1 --format='%H %T'
cd two && echo change >>f1 && git commit -q -am change && git push -q origin HEAD:refs/heads/pushed; git -C ../one rev-parse pushed
git rebase -q --root -x 'test -e f0' >/dev/null 2>&1; echo "rebase $?"; git log --oneline | wc -l
git bisect start HEAD HEAD~6 >/dev/null; git bisect run sh -c '! grep -q ^3$ f3' >/dev/null 2>&1; echo "bisect $?"; git bisect log | tail -n 1; git bisect reset 2>/dev/null
git stash list; git grep -c 499 HEAD~1 | md5sum; git archive --format=tar HEAD | md5sum; git status --short | head
cd .. && rm -rf one two .gitconfig
