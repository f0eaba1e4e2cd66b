# The pages that a visitor sees: whoever follows a link of a newsletter or fills in a form. A message is a text and its title.

# {$organisation} is the company's name.
thanks = { $organisation } has received what you sent. If a mail of ours asks you to confirm it, please do: we then know that it comes from you.
    .title = Thank you

answer-chosen = Your answer
answer-again = This page was opened a long time ago, or not by a browser. Please press the button once more.
answer-send = Send this answer
answer-note = { $organisation } learns of it only when you press the button. For another answer, choose it in the mail.
# An answer as it is cited.
quoted = “{ $text }”
answer-noted = We noted: { $said }.
answer-change = You can change it by choosing another answer in the mail.
# {$number} is how many questions follow, one or two.
answer-more = { $number ->
    [one] One more question, if you like
   *[other] { $number } more questions, if you like
}
answer-more-send = Send
already-noted = Your answers had been noted already.
    .title = Thank you
nothing-more = There was nothing more to note.
    .title = Thank you

unsubscribe = One press, and { $organisation } sends you no more newsletters. There is nothing to fill in.
    .title = No more newsletters?
unsubscribe-name = Unsubscribe
unsubscribe-button = Unsubscribe
unsubscribe-mistake = If you came here by mistake, just close this page.
unsubscribed = You will get no more newsletters from { $organisation }. A mail already on its way may still arrive.
    .title = You are unsubscribed

test-copy-answer = Your answer would be recorded now.
    .title = This was a test copy
test-copy-unsubscribe = You would be unsubscribed now.
    .title = This was a test copy

unknown-link = It may have been cut in two by a mail program. Please open it again from the mail, or copy all of it.
    .title = This link does not lead anywhere

# A link of ours, whose mail is no longer on record.
lost-mail = The record of this mail was lost when a database of { $organisation } had to be restored from a copy. Nothing was noted. To tell { $organisation } something, please answer the mail.
    .title = We no longer know this mail

# Where a link to unsubscribe cannot be read, the address is typed.
unsubscribe-typed = This link does not tell us whose it is. Type the address that gets the newsletters, and { $organisation } sends it no more of them.
    .title = No more newsletters?
unsubscribe-typed-again = That is no mail address. Please type the one that gets the newsletters.
unsubscribe-typed-address = Your mail address

no-such-form = What you filled in was not received: this page sends it to a form that does not exist. Please tell { $organisation } in another way.
    .title = There is no such form
form-not-readable = What you filled in was not received: it was sent in a way that we cannot read. Please tell { $organisation } in another way.
    .title = The form could not be read
form-too-large = It may have 60 fields and 16 KB in all, and no files. Please go back and shorten it.
    .title = The form is too large
form-stamp-forged = What you filled in was not received: the page it came from was not ours. Please go back, load the page again, and send it once more.
    .title = The form could not be taken
form-trapped = It looks as if a program had filled it in. Please go back and leave the field empty that says so: people do not see it.
    .title = The form could not be taken
form-address-refused = We cannot answer to this mail address. Please go back and give your own, so that we can answer you.
    .title = Another mail address, please
form-without-address = Please go back and fill in a mail address, so that we can answer you.
    .title = Your mail address is missing

# Whoever reads the mail of an address is asked whether it was them. {$day} is when the form {$form} was filled in.
confirm = On { $day } your address was entered in the form “{ $form }” of { $organisation }.
    .title = Was it you?
confirm-with = On { $day } your address was entered in the form “{ $form }” of { $organisation }, with this:
confirm-button = Yes, it was me
# Several forms wait for the answer of one address; each has a box.
confirm-several = Your address was entered in several forms of { $organisation }. Please tick those that you filled in yourself.
confirm-one = On { $day }, in the form “{ $form }”:
confirm-button-ticked = Yes, those that are ticked were me
# A form says that its address wants no mail.
confirm-no-mail = No more newsletters from { $organisation }.
confirm-mistake = If it was not you, or something here is not yours, just close this page: { $organisation } then takes none of it for your word.
confirmed = It is confirmed: we know now that it comes from you.
    .title = Thank you
form-expired = What was filled in was kept for thirty days and is erased. You can send it again.
    .title = This link has expired

# The mail that asks it.
confirm-subject = { $organisation }: was it you who filled in our form?
confirm-hello = Hello,
confirm-entered = On { $day } this address was entered in the form “{ $form }” of { $organisation }.
confirm-please = If it was you, please confirm it, so that we know it comes from you and can answer you:
confirm-link = See what was entered, and confirm it
# {$day} is the last day.
confirm-until = The page that opens shows what was entered, and asks you to press a button. The link works once, until { $day }.
confirm-not-you = If it was not you, you need do nothing. Without your answer we take nothing that was entered for your word, and send you nothing because of it.
confirm-why = You get this mail from a program, because your address was entered there. It is no newsletter.

long-link = Please open it again from the mail.
    .title = This link is too long
other-host = Nothing of that name is served here.
    .title = This is another host
unmeasured = It must say its length, as browsers do (Content-Length). Nothing was changed.
    .title = It could not be read
too-large = Please send less at once. Nothing was changed.
    .title = It is too large
too-slow = Nothing was changed. Please send it again.
    .title = It took too long
broken = Nothing was changed. Please send it again.
    .title = It could not be read

# {$minutes} is after how many minutes it can be tried again.
too-many = That was a little too much at once. Please try again { $minutes ->
    [one] in a minute
   *[other] in { $minutes } minutes
}. Nothing was changed.
    .title = Please wait a moment
unavailable = Something on our side is not working. Nothing was changed.
    .title = Please try again

# A day: {$day}, {$month} from 1 to 12, {$year}.
day = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }

# The mail to somebody who asked, in their own words, for no more newsletters.
stopped-title = No more newsletters
stopped-hello = Hello,
stopped-heard = As you asked, { $organisation } sends you no more newsletters. A mail already on its way may still arrive.
stopped-mistake = If we misunderstood you, please answer this mail, and a person reads it. You need do nothing else.
stopped-subject = { $organisation }: you get no more newsletters

# The prospect's own page. {$address} is their address without its first part but a letter.
preferences-name = Your preferences
preferences-whose = This page is about the newsletters of { $organisation } to { $address }. Nothing changes until you press a button.
preferences-stopped = You get no newsletters from { $organisation } now. What you choose here counts if you ask for them again.
preferences-again = This page was not sent by a browser. Please press the button once more.
preferences-topics = What you want to read about
preferences-rhythm = How often
# {$number} is how many newsletters come within {$days} days at most.
preferences-less-often = { $number ->
    [one] Less often: at most one newsletter in { $days } days
   *[other] Less often: at most { $number } newsletters in { $days } days
}
preferences-pause = A pause
preferences-pause-none = No pause
preferences-pause-keep = Paused until { $day }
preferences-pause-end = End the pause now
# {$number} is 1, 3 or 6.
preferences-pause-months = { $number ->
    [one] For one month
   *[other] For { $number } months
}
preferences-pause-day = Until the day given here:
preferences-day = The day
preferences-day-again = Nothing was saved: a pause ends on a day that is still to come, within a year. Please give one.
preferences-language = Language
preferences-tracking = What you click
preferences-tracking-means = { $organisation } can note which links of its newsletters you open. It shows what interests you, so that a person calls you when it is worth your time, and not before.
preferences-tracking-stop = Do not note it any more
preferences-tracking-off = At present it is not noted.
# The text of a consent: it is kept as it was shown.
preferences-tracking-agree = I agree that { $organisation } notes which links of its newsletters I open, to see what interests me. I can take this back here at any time.
preferences-save = Save
preferences-address = Another address
preferences-address-field = Your new mail address
preferences-address-note = { $organisation } sends a mail there first. Nothing changes until it is answered.
preferences-address-button = Write to this address
preferences-address-again = That is no mail address to which we can write. Please type another one.
preferences-stop-button = Unsubscribe from all

# What was changed there.
preferences-changed = { $organisation } has noted:
    .title = It is saved
preferences-did-refuse = No more newsletters about { $topic }
preferences-did-want = Newsletters about { $topic }
preferences-did-less = { $number ->
    [one] At most one newsletter in { $days } days
   *[other] At most { $number } newsletters in { $days } days
}
preferences-did-as-often = Every newsletter, as it comes
preferences-did-pause = No newsletters until { $day }
preferences-did-resume = The pause is over
# {$language} is its name in itself: "English", "Español".
preferences-did-language = Language: { $language }
preferences-did-track = Which links you open may be noted
preferences-did-untrack = Which links you open is no longer noted. If you agree to it again, tick the box on your page.
preferences-same = Everything is as it was before.
    .title = Nothing was changed
preferences-undo = Undo this
preferences-undone = { $organisation } has taken back your last change.
    .title = It is as it was before
preferences-late = Too much time has passed, or something else was changed since. Please change it on the page itself.
    .title = This cannot be undone any more
preferences-mistake = This was a mistake: keep writing to me
preferences-kept = You go on getting newsletters from { $organisation }.
    .title = Good to have you
preferences-back = To your preferences
# {$days} is how long the mail can be answered.
preferences-asked = { $organisation } asks the address you gave, if it can be written to. Newsletters go there once it has answered. It has { $days } days; until then everything stays as it is.
    .title = We ask your new address

# A link to that page that leads to nobody. It is the same whoever asks.
preferences-lost = We have nothing to show for this link. If you get newsletters from { $organisation }, please open the link in the newest one. To stop them, you can also type your address here.
    .title = This link leads nowhere now

test-copy-preferences = It would be saved now.
    .title = This was a test copy

# An address is asked whether newsletters are to go there. {$address} is the one to which they go now, without its first part but a letter.
readdress = Whoever gets the newsletters of { $organisation } at { $address } asks to get them at your address from now on.
    .title = Shall we write to you here?
readdress-button = Yes, write to me here
readdress-mistake = If it was not you, just close this page: nothing changes then, and { $organisation } does not write to you.
readdressed = From now on { $organisation } writes to you at this address. The old address is told, in case it was not you.
    .title = Thank you
readdress-taken = { $organisation } knows this address already, so nothing was changed. Please answer the newest newsletter, and a person puts it right.
    .title = This address is known already
readdress-subject = { $organisation }: shall we write to you here?
readdress-link = See what was asked, and answer
readdress-why = You get this mail from a program, because your address was entered there. It is no newsletter.

# The mail to the address to which newsletters went before.
readdressed-subject = { $organisation }: your newsletters go to another address
readdressed-told = As somebody asked on the page of your preferences, and as the other address has answered, the newsletters of { $organisation } no longer come here.
readdressed-mistake = If it was not you, give this address on the page of your preferences, and they come here again:
