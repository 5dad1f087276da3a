"""Activity types of engagement, sales and social apps as a table: number, name, primary attribute, attributes. Data
only: nothing inside the sandbox does these by itself, so a test adds such rows through the control endpoint.

Source: Marketo "Activities" (Visit Webpage), Marketo Measure's page on activity integration (numbers), attributes as
published warehouse models and live rows show them; a type without attributes has none recorded.
"""

from __future__ import annotations

# number; name; primary attribute; attributes, a data type behind a colon
TABLE = """
1; Visit Webpage; Webpage ID:integer; Client IP Address|Query Parameters|Referrer URL|User Agent|Webpage URL
3; Click Link; Link ID:integer; Client IP Address|Query Parameters|Referrer URL|User Agent|Webpage ID:integer
8; Email Bounced; Mailing ID:integer; {run}|Category|Details|Email|Subcategory
9; Unsubscribe Email; Mailing ID:integer; {visitor}|Webform ID:integer
10; Open Email; Mailing ID:integer; {run}|{device}
11; Click Email; Mailing ID:integer; {run}|{device}|Link
27; Email Bounced Soft; Mailing ID:integer; {run}|Category|Details|Email|Subcategory
38; Send Alert; Mailing ID:integer;
39; Send Sales Email; Mailing ID:integer;
40; Open Sales Email; Mailing ID:integer;
41; Click Sales Email; Mailing ID:integer;
45; Receive Sales Email; Mailing ID:integer;
48; Sales Email Bounced; Mailing ID:integer;
101; Change Revenue Stage; Model ID:integer;
102; Change Revenue Stage Manually; Model ID:integer;
106; Enrich with Data.com; Lead ID:integer;
108; Change Segment; Segmentation ID:integer; New Segment ID:integer
111; Sent Forward to Friend Email; Mailing ID:integer;
112; Received Forward to Friend Email; Mailing ID:integer;
113; Add to Nurture; Program ID:integer;
114; Change Nurture Track; Program ID:integer;
115; Change Nurture Cadence; Program ID:integer;
155; Execute Campaign; Campaign ID:integer;
158; Engaged with Dialogue; Dialogue ID:integer;
159; Interacted with Document in Dialogue; Document ID:integer;
160; Scheduled Appointment in Dialogue; Dialogue ID:integer;
161; Reached Goal in Dialogue; Dialogue ID:integer;
300; Sync Lead to Microsoft; Lead ID:integer;
400; Share Content; Social App ID:integer;
401; Vote in Poll; Social App ID:integer;
402; Sign Up for Referral Offer; Social App ID:integer;
403; Achieve Goal in Referral; Social App ID:integer;
405; Click Shared Link; Social App ID:integer;
406; Win Sweepstakes; Social App ID:integer;
407; Enter Sweepstakes; Social App ID:integer;
408; Disqualify Sweepstakes; Social App ID:integer;
409; Earn Entry in Social App; Social App ID:integer;
410; Refer to Social App; Social App ID:integer;
"""
